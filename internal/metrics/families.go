package metrics

import "pausetest/internal/analysis"

// A family is one metric.
type family struct {
	name string
	// help may not change from one release to the next: node_exporter refuses all
	// of a metric when two files (of checks that two releases ran) differ in it.
	help    string
	label   string   // its own label, beside check; empty for none
	values  []string // all that the label can be; nil for a stream's label
	carried bool     // it is about the last success, see the package comment
}

// The names that more than one place here knows.
const (
	lastSuccess = "pausetest_last_success_timestamp_seconds"
	lastVerdict = "pausetest_last_verdict_timestamp_seconds"
)

var (
	states   = []string{string(Done), string(NoStreams), string(TooFew), string(Refused), string(NotSteady), string(Busy), string(OutOfHours), string(Interrupted), string(Failed)}
	verdicts = []string{string(analysis.Collapse), string(analysis.Saturated), string(analysis.Scaling), string(analysis.NoCollapse), string(analysis.Inconclusive)}
	levels   = []string{"one", "all"}
)

// families are all metrics, in the order of the file and of the table in
// docs/monitoring.md.
var families = []family{
	{name: "pausetest_last_run_timestamp_seconds", help: "When the last run of the check ended, whatever became of it (Unix time)."},
	{name: "pausetest_last_run_duration_seconds", help: "How long the last run took, waiting included."},
	{name: "pausetest_last_run_outcome", help: "1 for what became of the last run, 0 for all else.", label: "outcome", values: states},
	{name: "pausetest_last_run_streams", help: "Streams that the last run found."},
	{name: "pausetest_last_run_paused_stream_seconds", help: "Stream-seconds that the last run withheld from the backups."},
	{name: "pausetest_last_run_longest_pause_seconds", help: "Longest single pause of a stream in the last run."},
	{name: "pausetest_last_run_max_pause_seconds", help: "What a single pause was limited to in the last run."},
	{name: "pausetest_last_run_left_paused_streams", help: "Streams of which the last run does not know that they were resumed."},
	{name: "pausetest_build_info", help: "The pausetest that made the last run; always 1.", label: "version"},

	{name: lastSuccess, help: "When a run last measured to its end, whatever the verdict (Unix time); 0 for never.", carried: true},
	{name: lastVerdict, help: "When a run last came to this verdict (Unix time).", label: "verdict", values: verdicts, carried: true},
	{name: "pausetest_verdict", help: "1 for the verdict of the last success, 0 for the others.", label: "verdict", values: verdicts, carried: true},
	{name: "pausetest_throughput_ratio", help: "Throughput with all streams running over that of one alone.", carried: true},
	{name: "pausetest_throughput_low_ratio", help: "Lower end of the interval of the ratio.", carried: true},
	{name: "pausetest_throughput_high_ratio", help: "Upper end of the interval of the ratio.", carried: true},
	{name: "pausetest_confidence_ratio", help: "Confidence of the interval of the ratio, 0 to 1.", carried: true},
	{name: "pausetest_blocks", help: "Blocks of measurements behind the ratio.", carried: true},
	{name: "pausetest_streams", help: "Streams that were measured together; the most of them, where the number changed.", carried: true},
	{name: "pausetest_throughput_bytes_per_second", help: "Mean throughput with one stream active and with all.", label: "level", values: levels, carried: true},
	{name: "pausetest_stream_alone_bytes_per_second", help: "Throughput of this stream while it ran alone.", label: "stream", carried: true},
	{name: "pausetest_stream_together_bytes_per_second", help: "Throughput of this stream while all ran.", label: "stream", carried: true},
	{name: "pausetest_stream_paused_seconds", help: "How long this stream was paused in all.", label: "stream", carried: true},
}
