package report

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"pausetest/internal/recording"
)

// A Redactor takes names out of a recording, so that it can go to a vendor:
// host names, paths, labels, command lines and notes become pseudonyms. Counters,
// times, process ids and everything else that is judged stay, so that the
// redacted recording gives the same numbers.
//
// The same name gives the same pseudonym under the same key, and without the
// key nobody can try out names. Pass a recording's records in order.
//
// Note: what is kept is listed, not what is taken out. Sentences of our own
// keep only words of our own messages (vocabulary.txt); a word that nobody
// foresaw becomes a pseudonym rather than a leak.
type Redactor struct {
	key []byte
	// secret are words that would be kept, but occur in names.
	secret map[string]bool
	hosts  map[string]bool
}

// NewRedactor returns a redactor. Use a new random key of 32 bytes for every
// recording, or one key for several whose names shall stay comparable.
func NewRedactor(key []byte) *Redactor {
	return &Redactor{key: slices.Clone(key), secret: map[string]bool{}, hosts: map[string]bool{}}
}

// vocabularyText is the words of our own messages, sorted, one a line, and the
// names of well-known programs. A word that is missing costs clarity only.
//
//go:embed vocabulary.txt
var vocabularyText string

var vocabulary = func() map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(vocabularyText) {
		m[word] = true
	}
	return m
}()

// Record returns a redacted copy of a record.
func (r *Redactor) Record(rec recording.Record) recording.Record {
	switch {
	case rec.Header != nil:
		h := r.header(*rec.Header)
		rec.Header = &h
	case rec.Event != nil:
		e := *rec.Event
		if e.Appeared != nil {
			s := *e.Appeared
			r.learn(s.Label)
			s = r.stream(s)
			e.Appeared = &s
		}
		e.Detail = r.sentence(e.Detail)
		if e.Flow != nil {
			f := r.flow(*e.Flow)
			e.Flow = &f
		}
		rec.Event = &e
	case rec.Vitals != nil:
		v := r.vitals(*rec.Vitals)
		rec.Vitals = &v
	}
	return rec
}

// vitals takes the names out. What the kernel calls its functions is of no use to
// the judging, and is left out.
func (r *Redactor) vitals(v recording.Vitals) recording.Vitals {
	v.Members = mapped(v.Members, func(m recording.Member) recording.Member {
		m.Name = r.sentence(m.Name)
		return m
	})
	v.Seen = mapped(v.Seen, func(doing []recording.Activity) []recording.Activity {
		return mapped(doing, func(a recording.Activity) recording.Activity {
			a.WaitChannel = ""
			return a
		})
	})
	v.Disks = mapped(v.Disks, func(d recording.DiskVitals) recording.DiskVitals {
		d.Name = r.whole("disk", d.Name)
		return d
	})
	v.Fault = r.sentence(v.Fault)
	return v
}

func (r *Redactor) header(h recording.Header) recording.Header {
	for _, part := range namesIn(h.Host.Name) {
		r.hosts[part] = true
	}
	r.learn(h.Host.Name)
	r.learn(h.Note)
	for k, v := range h.Labels {
		r.learn(k)
		r.learn(v)
	}
	for i := range h.Streams {
		r.learn(h.Streams[i].Label)
	}
	for i := range h.Refused {
		r.learn(h.Refused[i].Label)
	}
	h.Host.Name = r.name(h.Host.Name)
	h.Host.BootID = r.whole("boot", h.Host.BootID)
	h.Interface.Name = r.iface(h.Interface.Name)
	h.Note = r.whole("note", h.Note)
	argv := make([]string, len(h.Argv))
	for i, a := range h.Argv {
		argv[i] = r.argument(i, a)
	}
	h.Argv = argv
	if h.Labels != nil {
		labels := map[string]string{}
		for _, k := range slices.Sorted(maps.Keys(h.Labels)) {
			labels[r.whole("key", k)] = r.whole("value", h.Labels[k])
		}
		h.Labels = labels
	}
	h.Plan.Schedule = r.sentence(h.Plan.Schedule)
	h.Streams = mapped(h.Streams, r.stream)
	h.Shared = mapped(h.Shared, func(p recording.SharedProcess) recording.SharedProcess {
		p.Process = r.process(p.Process)
		p.Streams = slices.Clone(p.Streams)
		return p
	})
	h.Refused = mapped(h.Refused, func(f recording.Refusal) recording.Refusal {
		f.Label, f.Rule = r.label(f.Label), r.sentence(f.Rule)
		f.Reason, f.Hint = r.sentence(f.Reason), r.sentence(f.Hint)
		return f
	})
	h.Warnings = mapped(h.Warnings, r.sentence)
	return h
}

func mapped[T any](from []T, f func(T) T) []T {
	if from == nil {
		return nil
	}
	to := make([]T, len(from))
	for i, v := range from {
		to[i] = f(v)
	}
	return to
}

func (r *Redactor) stream(s recording.Stream) recording.Stream {
	s.Label, s.Rule = r.label(s.Label), r.sentence(s.Rule)
	s.Source = r.process(s.Source)
	s.Targets = mapped(s.Targets, r.process)
	s.Processes = mapped(s.Processes, r.process)
	return s
}

// flow keeps what kind everything is and what leads where.
func (r *Redactor) flow(f recording.Flow) recording.Flow {
	f.Streams = mapped(f.Streams, func(s recording.FlowStream) recording.FlowStream {
		s.Label = r.label(s.Label)
		return s
	})
	f.Nodes = mapped(f.Nodes, func(n recording.FlowNode) recording.FlowNode {
		n.Kind = recording.FlowKind(r.sentence(string(n.Kind)))
		switch n.Kind {
		case recording.FlowProcess:
			n.Name = r.sentence(n.Name)
		case recording.FlowInterface:
			n.Name = r.iface(n.Name)
		default:
			n.Name = r.name(n.Name)
		}
		n.Streams = slices.Clone(n.Streams)
		return n
	})
	f.Edges = mapped(f.Edges, func(e recording.FlowEdge) recording.FlowEdge {
		e.Via = recording.FlowVia(r.sentence(string(e.Via)))
		e.Name, e.Detail = r.name(e.Name), r.name(e.Detail)
		e.Streams = slices.Clone(e.Streams)
		return e
	})
	f.Unread = mapped(f.Unread, r.sentence)
	return f
}

// process keeps the name of a program that our own messages know.
func (r *Redactor) process(p recording.Process) recording.Process {
	p.Name = r.sentence(p.Name)
	if p.Command != "" {
		program, arguments, _ := strings.Cut(p.Command, " ")
		p.Command = r.sentence(path.Base(program))
		if arguments != "" {
			p.Command += " " + r.whole("arguments", arguments)
		}
	}
	return p
}

// level is how the label of a dump ends.
var level = regexp.MustCompile(` level [0-9]{1,2}$`)

// label redacts a stream's label and keeps its shape: host, path, level.
func (r *Redactor) label(s string) string {
	end := level.FindString(s)
	return r.name(strings.TrimSuffix(s, end)) + end
}

// learn notes the words of a name that are also words of our messages.
func (r *Redactor) learn(name string) {
	for _, word := range namesIn(level.ReplaceAllString(name, "")) {
		if vocabulary[word] || usualInterface.MatchString(word) {
			r.secret[word] = true
		}
	}
}

// argument redacts a word of our own command line: flags stay.
func (r *Redactor) argument(i int, a string) string {
	if i == 0 {
		return r.sentence(path.Base(a))
	}
	flag, value, hasValue := strings.Cut(a, "=")
	if strings.HasPrefix(flag, "-") {
		if flag = r.sentence(flag); hasValue {
			flag += "=" + r.sentence(value)
		}
		return flag
	}
	return r.sentence(a)
}

// usualInterface are the names that kernels and distributions give.
var usualInterface = regexp.MustCompile(`^(lo|(eth|bond|br|team|wg|tun|tap|veth|wlan)[0-9]{1,4}|en(o|s|p[0-9]{1,3}s)[0-9]{1,4}(f[0-9]{1,2})?(np[0-9]{1,2})?)$`)

func (r *Redactor) iface(name string) string {
	if name == "" || usualInterface.MatchString(name) {
		return name
	}
	return r.whole("iface", name)
}

// sentence redacts text that may be ours: words of our messages, units and
// numbers stay unless they are part of a name.
func (r *Redactor) sentence(s string) string {
	return r.tokens(s, func(token string, before rune) bool {
		if usualInterface.MatchString(token) {
			return !r.secret[token]
		}
		if number.MatchString(token) {
			// After one of these a number is part of a path, an address or a value.
			return !strings.ContainsRune("/:@=\\", before)
		}
		for part := range strings.SplitSeq(strings.Trim(token, "-"), "-") {
			if part != "" && (!vocabulary[strings.TrimSuffix(part, ".")] || r.secret[part]) {
				return false
			}
		}
		return before != '/'
	})
}

// name redacts text that is somebody else's from end to end.
func (r *Redactor) name(s string) string {
	return r.tokens(s, func(string, rune) bool { return false })
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|m[0-9.]+s|h[0-9]+m[0-9.]+s|k|M|G)?\.?$`)

// inName reports whether a rune may belong to a name.
func inName(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) || strings.ContainsRune("._-+'", c) || c == unicode.ReplacementChar
}

func namesIn(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return !inName(c) })
}

// tokens replaces the names in a string that keep does not vouch for. What
// stands between them stays as long as it is ASCII.
func (r *Redactor) tokens(s string, keep func(token string, before rune) bool) string {
	var b strings.Builder
	var token strings.Builder
	before := rune(' ')
	flush := func() {
		if token.Len() == 0 {
			return
		}
		t := token.String()
		token.Reset()
		switch {
		case keep(t, before), strings.Trim(t, "._-+'") == "":
			b.WriteString(t)
		default:
			// The full stop after a sentence is not part of its last name.
			trimmed := strings.TrimRight(t, ".")
			b.WriteString(r.pseudonym(trimmed))
			b.WriteString(t[len(trimmed):])
		}
	}
	for _, c := range s {
		if inName(c) {
			token.WriteRune(c)
			continue
		}
		flush()
		before = c
		if c < unicode.MaxASCII && (unicode.IsPrint(c) || c == '\n') {
			b.WriteRune(c)
		} else {
			b.WriteByte('?')
		}
	}
	flush()
	return b.String()
}

func (r *Redactor) pseudonym(name string) string {
	if r.hosts[name] {
		return r.digest("host", name)
	}
	return r.digest("name", name)
}

// whole replaces a text as one.
func (r *Redactor) whole(kind, s string) string {
	if s == "" {
		return ""
	}
	return r.digest(kind, s)
}

func (r *Redactor) digest(kind, s string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(s))
	return kind + "-" + hex.EncodeToString(mac.Sum(nil)[:4])
}
