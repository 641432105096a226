package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/plots"
)

// drawing measures a timeline of many samples beside other programs that draw the
// same two traces at the same size, and what reading and judging them costs before.
// All of them read the samples, ours as a recording in memory.
func drawing(s *session) error {
	dir, err := os.MkdirTemp("", "pausetest-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, samples := range []int{10_000, 100_000, 1_000_000} {
		if err := s.draw(dir, samples, max(3, 100_000/samples)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) draw(dir string, samples, rounds int) error {
	text, err := writeRecording(samples)
	if err != nil {
		return err
	}
	before := liveBytes()
	study, err := analyse(text)
	if err != nil {
		return err
	}
	what, kept := fmt.Sprintf("%d samples", samples), int64(liveBytes()-before)
	fmt.Fprintf(s.table, "%s, what a study of them keeps\t%d kB\t\t\t\t\n", what, kept/1024)
	data := filepath.Join(dir, "data")
	if err := writeColumns(data, study); err != nil {
		return err
	}
	ours := timed("Timeline", func() error { return plots.Timeline(io.Discard, study, plots.PNG) })
	peers := []contender{ours}
	for _, p := range painters(dir, data) {
		if _, err := exec.LookPath(p[1]); err != nil {
			fmt.Fprintf(s.table, "%s\t\tnot installed\t\t\t\n", p[0])
			continue
		}
		peers = append(peers, command(p[0], p[1:]...))
	}
	reach := []float64{1, 1, 1}
	if err := s.compare(what+" drawn", rounds, reach, peers...); err != nil {
		return err
	}
	return s.compare(what+" read and judged", rounds, []float64{0},
		timed("Analyze", func() error { _, err := analyse(text); return err }),
		timed("reading the lines alone", func() error { return readLines(text) }))
}

// liveBytes is what is alive of this program's memory.
func liveBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// painters are the peers' command lines; each draws 1600 by 900 pixels.
func painters(dir, data string) [][]string {
	gnuplot := func(terminal string) []string {
		script := fmt.Sprintf(`set terminal %s size 1600,900; set output "%s"; plot "%s" using 1:2 with lines, "%s" using 1:3 with lines`,
			terminal, filepath.Join(dir, terminal+".png"), data, data)
		return []string{"gnuplot (" + terminal + ")", "gnuplot", "-e", script}
	}
	const python = `
import sys, matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt, numpy
t, a, b = numpy.loadtxt(sys.argv[1], unpack=True)
plt.figure(figsize=(16, 9), dpi=100)
plt.plot(t, a); plt.plot(t, b)
plt.savefig(sys.argv[2])`
	return [][]string{gnuplot("png"), gnuplot("pngcairo"),
		{"matplotlib", "/usr/bin/python3", "-c", python, data, filepath.Join(dir, "matplotlib.png")}}
}

// writeRecording makes a recording of one long run without pauses.
func writeRecording(samples int) ([]byte, error) {
	var out bytes.Buffer
	w := recording.NewWriter(&out)
	header := recording.Header{
		Format: recording.Format, Tool: "bench", Host: recording.Host{Name: "bench"}, SampleNS: 100e6, Direction: recording.Transmit,
		Plan: recording.Plan{Design: recording.Sequential, Goal: recording.GoalClass, Confidence: 0.95, MaxBlocks: 24}, Limits: recording.Limits{MaxPauseNS: 10e9},
		Streams: []recording.Stream{{ID: 1, Label: "one"}, {ID: 2, Label: "two"}}, Attribution: recording.Attribution{Sockets: true},
	}
	err := w.Write(recording.Record{Header: &header})
	sum := uint64(0)
	for i := range samples {
		sum += uint64(10e6 + i*7919%5_000_000)
		attributed := sum - sum/50
		err = errors.Join(err, w.Write(recording.Record{Sample: &recording.Sample{TNS: int64(i) * 100e6, AttributedTNS: int64(i) * 100e6,
			Interface: &recording.InterfaceCounters{TxBytes: sum}, SocketBytes: &attributed}}))
	}
	return out.Bytes(), err
}

func analyse(text []byte) (*analysis.Study, error) {
	return analysis.Analyze(recording.NewFile(bytes.NewReader(text), int64(len(text))))
}

// writeColumns writes seconds and two rates, as the peers want them.
func writeColumns(name string, study *analysis.Study) error {
	var out bytes.Buffer
	var a *recording.Sample
	for b, err := range study.Samples {
		if err != nil {
			return err
		}
		if a != nil {
			seconds := float64(b.TNS-a.TNS) / 1e9
			fmt.Fprintf(&out, "%.1f %.0f %.0f\n", float64(b.TNS)/1e9,
				float64(b.Interface.TxBytes-a.Interface.TxBytes)/seconds, float64(*b.SocketBytes-*a.SocketBytes)/seconds)
		}
		a = b
	}
	return os.WriteFile(name, out.Bytes(), 0o600)
}

func readLines(text []byte) error {
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Scan() {
	}
	return scanner.Err()
}
