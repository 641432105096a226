package proctable

import "strings"

// ParseCmdline splits /proc/PID/cmdline at its NUL bytes. Empty arguments are
// kept; nothing at all gives nil, as for kernel threads and zombies.
//
// A process may overwrite its own arguments, so there may be no NUL at the end,
// or padding after it; padding is dropped.
func ParseCmdline(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	s, _ := strings.CutSuffix(string(text), "\x00")
	args := strings.Split(s, "\x00")
	if padding := len(s) - len(strings.TrimRight(s, "\x00")); padding > maxTrailingEmpty {
		args = args[:len(args)-padding]
	}
	return args
}

// A real command line rarely ends in so many empty arguments; the area that a
// daemon cleared for its title has many more.
const maxTrailingEmpty = 16
