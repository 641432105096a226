package metrics

import (
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/google/renameio/v2"
)

// longestFile bounds what is read of an earlier run's file. One that this program
// wrote is a hundredth of it.
const longestFile = 1 << 20

// checkName is what a check may be called: fit for a file's name and a label.
var checkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// IsCheckName says whether a check may be called that.
func IsCheckName(s string) bool { return checkName.MatchString(s) }

// FileName is the file of a check in the collector's folder.
func FileName(check string) string { return "pausetest-" + check + ".prom" }

// Write replaces the check's file in the collector's folder. A reader sees the old
// file or the new one, never a part; anybody may read it, whatever the umask, for
// the collector has a user of its own.
//
// Note: nothing is locked. Two runs of one check that end in the same few
// milliseconds, one with a measurement and one without, could lose it; a lock that
// the folder's other users can take as well would be the greater risk.
func Write(dir string, o *Outcome) error {
	if !IsCheckName(o.Check) {
		return fmt.Errorf("writing metrics: %q is no name for a check", o.Check)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	defer root.Close()
	if err := replace(root, FileName(o.Check), Render(o, earlier(root, FileName(o.Check)))); err != nil {
		return fmt.Errorf("writing metrics to %s: %w", dir, err)
	}
	return nil
}

// replace puts a new file in the place of the old one. Until then its name begins
// with a dot and does not end in .prom, which is what the collector goes by.
func replace(root *os.Root, name string, text []byte) error {
	file, err := renameio.NewPendingFile(name, renameio.WithRoot(root), renameio.WithStaticPermissions(0o644))
	if err != nil {
		return err
	}
	defer file.Cleanup()
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// earlier is what the last run left in the file. Without one that can be read a
// check begins anew, as on its first day: this run is worth more than the last.
func earlier(root *os.Root, name string) []byte {
	// Opening a pipe would wait for its writer, and a link could lead to another's file.
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestFile))
	if err != nil {
		return nil
	}
	return text
}
