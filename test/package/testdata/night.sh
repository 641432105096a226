#!/bin/sh
# night.sh together|apart: the lines of /mnt/cron are run by a real cron, now.
# Mail goes to /mnt/mail, run folders to /mnt/runs.
set -eu
dpkg -i /mnt/pausetest.deb >/mnt/install.log 2>&1
cp /mnt/testdump /usr/local/bin
ln -s testdump /usr/local/bin/testsink
cp /mnt/rules.yaml /etc/pausetest/rules.d
mkdir /mnt/runs
mount --bind /mnt/runs /var/lib/pausetest
cat >/usr/sbin/sendmail <<'END'
#!/bin/sh
cat >>/mnt/mail
END
chmod 755 /usr/sbin/sendmail
# shellcheck source=test/package/testdata/streams.sh
. /mnt/streams.sh
dumps "" "$1"

# The next minute that begins in more than five seconds.
at=$(($(date +%s) + 65))
sed "s/^[0-9]* [0-9]* \* \* \*/$(date -d @$at '+%-M %-H') * * */" /mnt/cron >/etc/cron.d/pausetest
cat /etc/cron.d/pausetest
rm -f /etc/cron.d/e2scrub_all /etc/crontab
cron -f &
cron=$!
# The job is a child of cron's child; its mail is sent when it has ended.
until pgrep -x pausetest >/dev/null; do sleep 0.1; done
while pgrep -P $cron >/dev/null; do sleep 0.1; done
find /mnt/runs -type f
for run in /mnt/runs/*/*; do cp "$run/result.json" /mnt/result.json; done
