// Package printable makes hostile text fit to be shown: the names, arguments and paths
// that other people's processes chose for themselves. It is the one place where that is
// decided, whatever the text is shown on.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns hostile text (a process's name, a label, a path) so that
// it may be shown on one line of a terminal. Control characters, invisible and
// bidirectional format characters, blanks other than the space and invalid
// UTF-8 become escapes (\n, \x1b, \u202e). Text longer than maxRunes runes
// loses its middle to an ellipsis, never half an escape; 0 means no limit.
//
// Note: a backslash stays as it is. That makes the result ambiguous but not
// dangerous, and paths of Windows shares legible.
func Text(s string, maxRunes int) string {
	if maxRunes <= 0 || len(s) <= maxRunes {
		if !strings.ContainsFunc(s, mustEscape) {
			return s
		}
	}
	pieces, runes := escapedPieces(s)
	if maxRunes <= 0 || runes <= maxRunes {
		return strings.Join(pieces, "")
	}
	const ellipsis = "…"
	headRunes, tailRunes := maxRunes/2, (maxRunes-1)/2
	head, tail := 0, len(pieces)
	for used := 0; head < tail; head++ {
		if used += utf8.RuneCountInString(pieces[head]); used > headRunes {
			break
		}
	}
	for used := 0; tail > head; tail-- {
		if used += utf8.RuneCountInString(pieces[tail-1]); used > tailRunes {
			break
		}
	}
	return strings.Join(pieces[:head], "") + ellipsis + strings.Join(pieces[tail:], "")
}

// CommandLine is a command line as one printable line: the arguments joined by
// one space, each as Text has it; an argument that is empty or holds a
// blank or a quote stands in double quotes, with \" for a quote inside.
func CommandLine(args []string) string {
	printable := make([]string, len(args))
	for i, arg := range args {
		printable[i] = Text(arg, 0)
		if arg == "" || strings.ContainsAny(arg, " \"") {
			printable[i] = `"` + strings.ReplaceAll(printable[i], `"`, `\"`) + `"`
		}
	}
	return strings.Join(printable, " ")
}

// mustEscape holds for every rune that could move the cursor, hide or reorder
// text. Ranging over invalid UTF-8 gives RuneError, which is escaped too when
// it stands for itself: nobody can tell the two apart by eye.
func mustEscape(r rune) bool {
	return r == utf8.RuneError || !unicode.IsPrint(r)
}

// escapedPieces splits s into runes, escaped where need be, and counts the
// runes of all pieces together.
func escapedPieces(s string) (pieces []string, runes int) {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			const hex = "0123456789abcdef"
			piece = `\x` + string(hex[s[0]>>4]) + string(hex[s[0]&0xf])
		case mustEscape(r):
			quoted := strconv.QuoteRuneToASCII(r)
			piece = quoted[1 : len(quoted)-1]
		}
		pieces = append(pieces, piece)
		runes += utf8.RuneCountInString(piece)
		s = s[size:]
	}
	return pieces, runes
}
