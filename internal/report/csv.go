package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// SamplesCSV writes the samples as they were recorded: cumulative bytes and
// nanoseconds since the run began. A counter that could not be read leaves an
// empty field. Each stream has two columns, named after its number.
func SamplesCSV(w io.Writer, s *analysis.Study) error {
	head := []string{"t_ns", "late_ns", "iface_rx_bytes", "iface_tx_bytes", "attributed_t_ns", "sockets_bytes"}
	column := map[int]int{} // of a stream's first counter
	for _, st := range byID(s.Streams) {
		column[st.ID] = len(head)
		id := strconv.Itoa(st.ID)
		head = append(head, "stream_"+id+"_io_bytes", "stream_"+id+"_sockets_bytes")
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	row := make([]string, len(head))
	for sample, err := range s.Samples {
		if err != nil {
			return err
		}
		clear(row)
		fillSample(row, sample, column)
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func fillSample(row []string, s *recording.Sample, column map[int]int) {
	row[0], row[1] = strconv.FormatInt(s.TNS, 10), strconv.FormatInt(s.LateNS, 10)
	if c := s.Interface; c != nil {
		row[2], row[3] = strconv.FormatUint(c.RxBytes, 10), strconv.FormatUint(c.TxBytes, 10)
	}
	if s.AttributedTNS != 0 {
		row[4] = strconv.FormatInt(s.AttributedTNS, 10)
	}
	row[5] = optional(s.SocketBytes)
	for _, c := range s.Streams {
		if at, ok := column[c.ID]; ok {
			row[at], row[at+1] = optional(c.IOBytes), optional(c.SocketBytes)
		}
	}
}

func optional(v *uint64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatUint(*v, 10)
}

// SegmentsCSV writes one line per segment, the unused ones too: times in
// nanoseconds since the run began, rates in bytes per second. The active
// streams are numbers, separated by spaces.
func SegmentsCSV(w io.Writer, s *analysis.Study) error {
	head := []string{
		"number", "block", "phase", "active_count", "active", "lead", "placebo", "settle_ns", "measure_ns",
		"begin_ns", "from_ns", "to_ns", "end_ns", "used", "why_not",
		"sockets_bytes_per_second", "io_bytes_per_second", "iface_bytes_per_second",
	}
	column := map[int]int{}
	for _, st := range byID(s.Streams) {
		column[st.ID] = len(head)
		head = append(head, "stream_"+strconv.Itoa(st.ID)+"_bytes_per_second")
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	for i := range s.Segments {
		seg := &s.Segments[i]
		row := make([]string, 0, len(head))
		for _, n := range []int64{int64(seg.Number), int64(seg.Block)} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		row = append(row, csvText(string(seg.Phase)), strconv.Itoa(len(seg.Active)), strings.ReplaceAll(idList(seg.Active), ",", ""),
			strconv.Itoa(seg.Lead), strconv.FormatBool(seg.Placebo))
		for _, ns := range []int64{seg.SettleNS, seg.MeasureNS, seg.BeginNS, seg.FromNS, seg.ToNS, seg.EndNS} {
			row = append(row, strconv.FormatInt(ns, 10))
		}
		row = append(row, strconv.FormatBool(seg.Used), csvText(seg.Cut))
		for _, source := range []analysis.Source{analysis.Sockets, analysis.IO, analysis.Interface} {
			rate, ok := seg.Rates[source]
			row = append(row, csvRate(rate, ok))
		}
		row = row[:len(head)]
		for _, own := range seg.Streams {
			if at, ok := column[own.ID]; ok {
				row[at] = csvRate(own.BytesPerSecond, true)
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvRate(bytesPerSecond float64, ok bool) string {
	if !ok {
		return ""
	}
	return strconv.FormatFloat(bytesPerSecond, 'g', 9, 64)
}

// csvText keeps a spreadsheet from taking text from outside for a formula.
func csvText(s string) string {
	s = clean(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
