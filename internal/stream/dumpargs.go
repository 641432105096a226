package stream

import (
	"slices"
	"strings"
)

// A tarCommand is what the command line of tar, or of a program with its
// options, says.
type tarCommand struct {
	Mode              byte   // 'c' create, 't' list, 'x' extract, ...; 0 when not said
	File              string // of the archive; "-" is standard output
	Directory         string
	ListedIncremental string
}

var (
	tarPrograms  = []string{"tar", "gtar", "gnutar", "bsdtar", "star", "suntar", "runtar"}
	dumpPrograms = []string{"dump", "xfsdump", "ufsdump", "vxdump", "vdump", "rundump"}
)

// The options of tar that matter here or take an argument that must not be
// mistaken for something else.
var (
	tarModes       = map[string]byte{"create": 'c', "list": 't', "extract": 'x', "get": 'x', "append": 'r', "update": 'u', "diff": 'd', "compare": 'd', "delete": 'D', "concatenate": 'A', "catenate": 'A'}
	tarLongs       = map[string]byte{"file": 'f', "directory": 'C', "listed-incremental": 'g', "exclude-from": 'X', "files-from": 'T', "exclude": 0, "newer": 'N', "blocking-factor": 'b', "level": 0}
	tarShortModes  = "ctxrudA"
	tarShortTaking = "fCgXTNbKLVHIF"
)

// parseTar understands the three styles of tar: --create --file -, -cf - and
// the bundle without dash, cf -. The first mode given counts.
func parseTar(args []string) tarCommand {
	var c tarCommand
	rest := args[min(1, len(args)):]
	next := func() string {
		if len(rest) == 0 {
			return ""
		}
		arg := rest[0]
		rest = rest[1:]
		return arg
	}
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		// In a bundle without dash the arguments follow in the order of their letters.
		for _, letter := range []byte(next()) {
			c.short(letter, next)
		}
	}
	for len(rest) > 0 {
		arg := next()
		if arg == "--" {
			break
		}
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			c.long(long, next)
		} else if bundle, ok := strings.CutPrefix(arg, "-"); ok {
			for i := range len(bundle) {
				if strings.IndexByte(tarShortTaking, bundle[i]) >= 0 && i+1 < len(bundle) {
					c.set(bundle[i], bundle[i+1:])
					break
				}
				c.short(bundle[i], next)
			}
		}
	}
	return c
}

func (c *tarCommand) long(option string, next func() string) {
	name, value, attached := strings.Cut(option, "=")
	if mode := tarModes[name]; mode != 0 {
		c.mode(mode)
		return
	}
	if letter, takes := tarLongs[name]; takes {
		if !attached {
			value = next()
		}
		c.set(letter, value)
	}
}

func (c *tarCommand) short(letter byte, next func() string) {
	switch {
	case strings.IndexByte(tarShortModes, letter) >= 0:
		c.mode(letter)
	case strings.IndexByte(tarShortTaking, letter) >= 0:
		c.set(letter, next())
	}
}

func (c *tarCommand) mode(mode byte) {
	if c.Mode == 0 {
		c.Mode = mode
	}
}

func (c *tarCommand) set(letter byte, value string) {
	switch letter {
	case 'f':
		c.File = value
	case 'C':
		c.Directory = value
	case 'g':
		c.ListedIncremental = value
	}
}

// option returns the value of an option, given as "--disk /home" or
// "--disk=/home"; the first one counts.
func option(args []string, name string) (string, bool) {
	for i, arg := range args {
		if arg == name && i+1 < len(args) {
			return args[i+1], true
		}
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// dumpCommand returns level and device of dump ("0usf 1048576 - /dev/sda1", or
// with dashes) and of xfsdump ("-J -F -l 0 - /dev/sda1"). The device is last.
func dumpCommand(args []string) (level, device string) {
	if len(args) < 2 {
		return "", ""
	}
	device = args[len(args)-1]
	if device == "-" {
		device = ""
	}
	if l, ok := option(args, "-l"); ok && isLevel(l) {
		return l, device
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	key := strings.TrimPrefix(args[1], "-")
	if i := strings.IndexAny(key, digits); i >= 0 && len(args) > 2 && strings.Trim(key, digits+letters) == "" {
		level = key[i : i+1]
	}
	return level, device
}

func isLevel(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

// applicationVerbs are what Amanda asks an application for.
var applicationVerbs = []string{"backup", "estimate", "selfcheck", "support", "discover", "restore", "validate", "index", "print"}

// applicationCall recognises a call of an Amanda application by its shape,
// "<app> backup --message line --config C ... --disk D --device V ...", for
// applications have any name, and scripts come behind their interpreter.
func applicationCall(args []string) (verb string, ok bool) {
	for i, arg := range args {
		if i > 0 && slices.Contains(applicationVerbs, arg) {
			rest := args[i+1:]
			if _, found := option(rest, "--message"); found {
				return arg, true
			}
			if _, found := option(rest, "--disk"); found {
				return arg, true
			}
		}
		if i > 0 && strings.HasPrefix(arg, "--") {
			break // the verb comes before the options
		}
	}
	return "", false
}

// sshDestination returns the host of an ssh command line: the first argument
// that belongs to no option, without user, scheme and port.
func sshDestination(args []string) string {
	const takesArgument = "BbcDEeFIiJLlmOoPpQRSWw"
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			return hostOf(arg)
		}
		for j := 1; j < len(arg); j++ {
			if strings.IndexByte(takesArgument, arg[j]) >= 0 {
				if j == len(arg)-1 {
					i++
				}
				break
			}
		}
	}
	return ""
}

func hostOf(destination string) string {
	host, isURL := strings.CutPrefix(destination, "ssh://")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if isURL {
		host, _, _ = strings.Cut(host, "/")
		host, _, _ = strings.Cut(host, ":")
	}
	return host
}
