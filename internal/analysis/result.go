package analysis

import (
	"time"

	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// ResultFormat is the version of result.json. Readers of the published schema
// (docs/result.schema.json) may rely on it.
const ResultFormat = 1

// Verdict is the answer of a run. The zero value is not a verdict.
type Verdict string

// The verdicts. R is the throughput with all streams running over the mean
// throughput of one stream running alone.
const (
	Collapse     Verdict = "collapse"     // R is below 0.80
	Saturated    Verdict = "saturated"    // R is between 0.80 and 1.25
	Scaling      Verdict = "scaling"      // R is above 1.25
	NoCollapse   Verdict = "no-collapse"  // R is above 0.80; decided that far only
	Inconclusive Verdict = "inconclusive" // the data do not decide
)

// Verdicts are all of them.
var Verdicts = []Verdict{Collapse, Saturated, Scaling, NoCollapse, Inconclusive}

// Source names the counters a number was made from.
type Source string

// The sources, best first.
const (
	Sockets   Source = "sockets"   // TCP sockets of the managed streams
	IO        Source = "io"        // bytes written by the streams' sources
	Interface Source = "interface" // everything the interface moved
)

// Words names the source in a sentence: "the streams' sockets".
func (s Source) Words() string {
	switch s {
	case Sockets:
		return "the streams' sockets"
	case IO:
		return "the streams' writes"
	case Interface:
		return "the interface"
	}
	return "an unknown counter"
}

// An Interval is a two-sided interval, low <= high.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// A Result is everything a recording says, as numbers and sentences. It
// depends on the recording alone: the same recording gives the same bytes of
// JSON on any machine. Rates are bytes per second, times are seconds.
type Result struct {
	Format  int     `json:"format"`
	Verdict Verdict `json:"verdict"`
	// Ratio is T(N)/T(1); 0 when nothing could be estimated (Blocks < 2).
	Ratio      float64  `json:"ratio"`
	Interval   Interval `json:"interval"`
	Confidence float64  `json:"confidence"`
	// Sentence is the verdict for a ticket: one line, complete in itself.
	Sentence string `json:"sentence"`
	// Stopped says why the measuring ended.
	Stopped string `json:"stopped"`
	// Needed says what would decide an inconclusive run; empty otherwise.
	Needed    string    `json:"needed,omitempty"`
	DecidedBy Source    `json:"decided_by"`
	Estimator Estimator `json:"estimator,omitempty"`
	Flags     Flags     `json:"flags"`
	// Sources holds the same estimate from every source that was recorded.
	Sources []SourceEstimate `json:"sources"`

	Blocks             int             `json:"blocks"`           // counted blocks
	DiscardedBlocks    int             `json:"discarded_blocks"` // cut, void, or before a restart
	WallSeconds        float64         `json:"wall_seconds"`
	PausedStreamSec    float64         `json:"paused_stream_seconds"`
	LongestPauseSec    float64         `json:"longest_pause_seconds"`
	MaxPauseSec        float64         `json:"max_pause_seconds"` // the limit
	CutShort           bool            `json:"cut_short"`         // the run did not reach its own end
	Seed               uint64          `json:"seed"`
	Simulated          bool            `json:"simulated,omitempty"`
	StreamCounts       []int           `json:"stream_counts"` // every N that went into the ratio
	RefreshSeconds     float64         `json:"refresh_seconds,omitempty"`
	LazyCounter        bool            `json:"lazy_counter,omitempty"`
	SettleSeconds      float64         `json:"settle_seconds"`
	MeasureSeconds     float64         `json:"measure_seconds"`
	EffectiveSamples   float64         `json:"effective_samples,omitempty"` // of the deciding source's samples; see Dependence
	Lag1Correlation    float64         `json:"lag1_correlation,omitempty"`
	RecordedSamples    int             `json:"recorded_samples"`
	RecommendedStreams *Recommendation `json:"recommended_streams"`
	// RecommendationMissing says why there is none although the levels between
	// were asked for.
	RecommendationMissing string         `json:"recommendation_missing,omitempty"`
	Placebo               *PlaceboEffect `json:"placebo,omitempty"`

	Started   time.Time           `json:"started"`
	Host      recording.Host      `json:"host"`
	Interface recording.Interface `json:"interface"`
	Argv      []string            `json:"argv"`
	Note      string              `json:"note,omitempty"`
	Labels    map[string]string   `json:"labels,omitempty"`
	Tool      string              `json:"tool"`

	SharedProcess *SharedProcess `json:"shared_process"` // the one most streams flow through, or null
	Streams       []StreamResult `json:"streams"`
	Levels        []Level        `json:"levels"`
	Warnings      []string       `json:"warnings"`

	// Interactions is what every two streams do to each other; null when no two of
	// them were measured together and apart. InteractionSentence says it in one line.
	Interactions        []Interaction `json:"interactions"`
	InteractionSentence string        `json:"interaction_sentence,omitempty"`

	// Flow is the way of the streams' bytes when the run began; null when it was
	// not recorded.
	Flow *Flow `json:"flow"`

	// Limiter is where the limit is; null when the recording holds no vitals.
	Limiter *limiter.Finding `json:"limiter"`
}

// A Flow is a recorded flow, and what it says in sentences.
type Flow struct {
	recording.Flow
	Sentences []string `json:"sentences"`
}

// Estimator names the estimator that gave the ratio (docs/statistics.md).
type Estimator string

// The estimators.
const (
	Plain         Estimator = "plain"
	Stratified    Estimator = "stratified"
	ShareAdjusted Estimator = "share-adjusted"
)

// Flags are what the interval says beyond the verdict.
type Flags struct {
	Retrograde bool `json:"retrograde"`  // the interval lies below 1: more streams move less
	NoGain     bool `json:"no_gain"`     // the interval lies below 1.25
	NoCollapse bool `json:"no_collapse"` // the interval lies above 0.80
}

// A SourceEstimate is the ratio as one source gives it.
type SourceEstimate struct {
	Source   Source   `json:"source"`
	Ratio    float64  `json:"ratio"`
	Interval Interval `json:"interval"`
	Blocks   int      `json:"blocks"`
	All      float64  `json:"all_bytes_per_second"` // mean rate with all streams active
	One      float64  `json:"one_bytes_per_second"` // mean rate with one stream active
}

// A SharedProcess is the process that more than one stream flows through.
type SharedProcess struct {
	PID     int    `json:"pid"`
	Name    string `json:"name"`
	Command string `json:"command"`
	Streams []int  `json:"streams"` // stream ids
}

// A StreamResult is what became of one stream.
type StreamResult struct {
	ID    int    `json:"id"`
	Label string `json:"label"`
	PID   int    `json:"pid"` // of the stream's source
	// SharedPID is the shared process it flows through; 0 for none.
	SharedPID int `json:"shared_pid,omitempty"`
	// Alone is its rate when it ran alone; null when it never did.
	Alone *LevelRate `json:"alone"`
	// Together is its own rate with all running; null without a counter of its own.
	Together        *LevelRate `json:"together"`
	PausedSeconds   float64    `json:"paused_seconds"`
	Pauses          int        `json:"pauses"`
	LongestPauseSec float64    `json:"longest_pause_seconds"`
	AppearedSec     *float64   `json:"appeared_seconds,omitempty"` // seconds after the run began
	EndedSec        *float64   `json:"ended_seconds,omitempty"`
	Resumed         bool       `json:"resumed"` // every pause of it was ended by us or by the guard
}

// A LevelRate is a mean over segments with its interval; Low and High are NaN
// free: with fewer than two segments they equal the mean.
type LevelRate struct {
	BytesPerSecond float64 `json:"bytes_per_second"`
	Low            float64 `json:"low"`
	High           float64 `json:"high"`
	Segments       int     `json:"segments"`
}

// A Level is a point of the curve: the throughput with Active streams running.
type Level struct {
	Active int `json:"active"`
	LevelRate
}

// A Recommendation is the number of streams that moved most.
type Recommendation struct {
	Streams  int `json:"streams"`  // the best level measured
	Cautious int `json:"cautious"` // the smallest level within 8 % of the best
	// Relative is the throughput at each measured level over that with all
	// running, with approximate intervals.
	Relative []RelativeLevel `json:"relative"`
	Note     string          `json:"note"` // how sure this is, in words
}

// A RelativeLevel is T(k)/T(N).
type RelativeLevel struct {
	Active   int      `json:"active"`
	Ratio    float64  `json:"ratio"`
	Interval Interval `json:"interval"`
}

// A PlaceboEffect is the tool's own footprint: the throughput right after
// streams were stopped and continued at once, over the untouched throughput.
type PlaceboEffect struct {
	Ratio    float64  `json:"ratio"`
	Interval Interval `json:"interval"`
	Pairs    int      `json:"pairs"`
}
