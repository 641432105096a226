package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"pausetest/internal/printable"
)

// clean makes a string from outside (a label, a command line, a note) fit for one
// line anywhere.
func clean(s string) string { return printable.Text(s, 0) }

const ellipsis = "…"

// elide shortens a string in its middle to at most width runes: both ends of a
// label such as "host:/path level 0" tell more than its middle.
func elide(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n <= width {
		return s
	}
	if width < 3 {
		return ellipsis
	}
	r := []rune(s)
	tail := (width - 1) / 2
	head := width - 1 - tail
	return string(r[:head]) + ellipsis + string(r[n-tail:])
}

// shellLine writes a command line so that a shell reads back the same words.
func shellLine(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = shellQuote(a)
	}
	return strings.Join(words, " ")
}

const shellSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

func shellQuote(s string) string {
	switch {
	case s == "":
		return "''"
	case strings.Trim(s, shellSafe) == "" && !strings.HasPrefix(s, "="):
		return s
	case clean(s) == s:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	// Control characters and stray bytes need the $'...' of bash, zsh and the
	// POSIX shell of 2024.
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && n == 1 || !unicode.IsPrint(r):
			// Octal, because it ends after three digits whatever follows.
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteRune(r)
		}
		i += n
	}
	b.WriteByte('\'')
	return b.String()
}

// labelOf is a stream's name as it may be shown.
func labelOf(label string, id int) string {
	if p := clean(label); strings.TrimSpace(p) != "" {
		return p
	}
	return fmt.Sprintf("stream %d", id)
}
