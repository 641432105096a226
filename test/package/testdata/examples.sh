#!/bin/sh
# examples.sh: run the command lines in /mnt/examples, one by one, while dumps run;
# and a run by the schedule in /mnt/mine.yaml.
set -eu
dpkg -i /mnt/pausetest.deb >/mnt/install.log 2>&1
cp /mnt/testdump /usr/local/bin
ln -s testdump /usr/local/bin/testsink
cp /mnt/rules.yaml /etc/pausetest/rules.d
# shellcheck source=test/package/testdata/streams.sh
. /mnt/streams.sh
dumps "" apart
cd /root
echo "pausetest run --schedule /mnt/mine.yaml --out scheduled" >>/mnt/examples
while read -r line; do
	echo "+ $line"
	sh -c "$line" </dev/null
done </mnt/examples
[ -s curve.png ] && [ -s for-the-vendor.jsonl ] && echo "all done"
