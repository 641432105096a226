package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// A Run is a run as its folder tells of it.
type Run struct {
	Path string // of its folder
	// Study holds header and result and nothing of what was measured: a thousand
	// runs have to fit.
	Study *analysis.Study
}

// A Skipped is a folder that was not read, or not deleted, and why. Both are raw.
type Skipped struct {
	Path   string
	Reason error
}

// A Filter says which runs are wanted. Its zero value wants all.
type Filter struct {
	Since, Until time.Time         // of the start: from Since on, before Until; zero: no bound
	Hosts        []string          // any of these; none: any
	Labels       map[string]string // all of these
}

func (f Filter) wants(h *recording.Header) bool {
	switch {
	case !f.Since.IsZero() && h.Started.Before(f.Since), !f.Until.IsZero() && !h.Started.Before(f.Until):
		return false
	case len(f.Hosts) > 0 && !slices.Contains(f.Hosts, h.Host.Name):
		return false
	}
	for key, value := range f.Labels {
		if got, ok := h.Labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// A Reader reads runs.
type Reader struct {
	// Tool is the version of this program: results that another one may have judged
	// are judged again, so that all runs in a list are judged alike.
	Tool   string
	Filter Filter
}

// Read reads the runs in each of the folders, newest first. A folder may also be that
// of a single run. What is no run, can't be read, or is a copy of another one is skipped;
// only a folder that was named and can't be opened is an error.
func (r Reader) Read(ctx context.Context, folders []string) ([]Run, []Skipped, error) {
	var runs []Run
	var skipped []Skipped
	for _, folder := range folders {
		root, err := os.OpenRoot(folder)
		if err != nil {
			return nil, nil, err
		}
		some, others, err := r.readFolder(ctx, folder, root)
		root.Close()
		if err != nil {
			return nil, nil, err
		}
		runs, skipped = append(runs, some...), append(skipped, others...)
	}
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(b.Study.Header.Started.Compare(a.Study.Header.Started), cmp.Compare(a.Path, b.Path))
	})
	runs, copies := withoutCopies(runs)
	return runs, append(skipped, copies...), nil
}

// withoutCopies drops runs that are there already: counted twice, they would make a
// series surer than it is.
func withoutCopies(runs []Run) ([]Run, []Skipped) {
	type identity struct {
		host      recording.Host
		startedNS int64
		seed      uint64
	}
	first := map[identity]string{}
	var copies []Skipped
	runs = slices.DeleteFunc(runs, func(r Run) bool {
		h := &r.Study.Header
		id := identity{h.Host, h.Started.UnixNano(), h.Seed}
		path, known := first[id]
		if known {
			copies = append(copies, Skipped{r.Path, fmt.Errorf("it is the same run as %s", path)})
		} else {
			first[id] = r.Path
		}
		return known
	})
	return runs, copies
}

// readFolder reads the runs in one folder of runs, or that of a single run.
func (r Reader) readFolder(ctx context.Context, path string, root *os.Root) ([]Run, []Skipped, error) {
	names := []string{"."}
	if _, err := root.Lstat(RecordingFile); err != nil {
		if names, err = foldersIn(root); err != nil {
			return nil, nil, err
		}
	}
	studies := make([]*analysis.Study, len(names))
	reasons := make([]error, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			studies[i], reasons[i] = r.readRun(root, name)
			return context.Cause(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var runs []Run
	var skipped []Skipped
	for i, name := range names {
		switch path := filepath.Join(path, name); {
		case reasons[i] != nil:
			skipped = append(skipped, Skipped{path, reasons[i]})
		case studies[i] != nil:
			runs = append(runs, Run{path, studies[i]})
		}
	}
	return runs, skipped, nil
}

// foldersIn names the folders in a folder, and the links, which may lead to one.
func foldersIn(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", root.Name(), err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() || e.Type() == os.ModeSymlink {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// readRun reads one run. The study is nil if the filter doesn't want it.
func (r Reader) readRun(above *os.Root, name string) (*analysis.Study, error) {
	if info, err := above.Lstat(name); err == nil && !info.IsDir() {
		return nil, errors.New("it is a link; name what it leads to")
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := openRegular(root, RecordingFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it holds no " + RecordingFile)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	first, err := recording.NewReader(file).Next()
	if err != nil {
		return nil, err
	}
	if !r.Filter.wants(first.Header) {
		return nil, nil
	}
	if result, err := readResult(root); err == nil && r.trusts(result, first.Header) {
		return &analysis.Study{Header: *first.Header, Result: *result}, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	s, err := analysis.Analyze(recording.NewFile(file, info.Size()))
	if err != nil {
		return nil, err
	}
	return &analysis.Study{Header: s.Header, Result: s.Result}, nil
}

// trusts reports whether a result says what the recording with this header would, if
// it were judged now: it is of that run, and of this very program.
//
// Note: an older program may have judged otherwise. After an upgrade every recording
// is judged again, each time it is listed; that is slower, but a trend in which the
// judge changed between two nights would show a change that never was.
func (r Reader) trusts(result *analysis.Result, h *recording.Header) bool {
	return result.Format == analysis.ResultFormat && result.Tool == r.Tool && h.Tool == r.Tool &&
		result.Started.Equal(h.Started) && result.Host == h.Host && result.Seed == h.Seed && result.Interface == h.Interface
}

// maxResultBytes bounds a result; one with hundreds of streams stays well below.
const maxResultBytes = 16 << 20

func readResult(root *os.Root) (*analysis.Result, error) {
	file, err := openRegular(root, ResultFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxResultBytes))
	if err != nil {
		return nil, err
	}
	var result analysis.Result
	return &result, json.Unmarshal(text, &result)
}

// openRegular opens a file that must be a plain one: a pipe would be waited for.
func openRegular(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(name + " is no regular file")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
