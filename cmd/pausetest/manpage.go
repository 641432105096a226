package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// writePage writes the manual page of one command, in the macros of man(7), from
// what its --help says.
//
// Note: not cobra's own generator: its pages all go by the title of the program,
// lose indented examples, and indent by tabs, which the formatters complain of;
// and it brings a Markdown parser along.
func writePage(w io.Writer, c *cobra.Command, date string) {
	name := pageName(c)
	fmt.Fprintf(w, ".TH %s 1 %s \"pausetest %s\"\n", roffWord(strings.ToUpper(name)), date, release)
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n", roffWord(name), roffText(c.Short))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n%s\n", roffText(c.CommandPath()), roffText(synopsis(c)))
	fmt.Fprintln(w, ".SH DESCRIPTION")
	writeProse(w, c.Long)
	if c.Long == "" {
		fmt.Fprintln(w, roffText("Command "+c.Name()+": "+c.Short+"."))
	}
	if subs := documented(c)[1:]; len(subs) > 0 {
		fmt.Fprintln(w, ".SH COMMANDS")
		for _, sub := range subs {
			fmt.Fprintf(w, ".TP\n.BR %s (1)\n%s\n", roffWord(pageName(sub)), roffText(sub.Short))
		}
	}
	if c.HasExample() {
		fmt.Fprintln(w, ".SH EXAMPLES")
		writeLiteral(w, strings.Split(c.Example, "\n"))
	}
	c.InitDefaultHelpFlag()
	fmt.Fprintln(w, ".SH OPTIONS")
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			writeFlag(w, f)
		}
	})
	if c.HasParent() {
		fmt.Fprintf(w, ".SH SEE ALSO\n.BR %s (1)\n", roffWord(pageName(c.Parent())))
	}
}

// synopsis is what follows the command's name: its arguments and options.
func synopsis(c *cobra.Command) string {
	if !c.HasParent() {
		return "COMMAND [options]"
	}
	if subs := c.Commands(); len(subs) > 0 {
		var names []string
		for _, sub := range subs {
			names = append(names, sub.Name())
		}
		return strings.Join(names, "|") + " [options]"
	}
	_, args, _ := strings.Cut(c.UseLine(), c.CommandPath())
	return strings.TrimSpace(strings.ReplaceAll(args, "[flags]", "[options]"))
}

// writeFlag writes one option, its value by the name that --help gives it.
func writeFlag(w io.Writer, f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	fmt.Fprint(w, ".TP\n")
	if f.Shorthand != "" {
		fmt.Fprintf(w, "\\fB\\-%s\\fR, ", f.Shorthand)
	}
	fmt.Fprintf(w, "\\fB\\-\\-%s\\fR", roffWord(f.Name))
	if value != "" {
		fmt.Fprintf(w, " \\fI%s\\fR", roffWord(value))
	}
	if !isZero(f) {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(w, "\n%s\n", roffText(usage))
}

// isZero reports a default that says nothing.
func isZero(f *pflag.Flag) bool {
	switch f.DefValue {
	case "", "0", "0s", "false", "[]":
		return true
	}
	return false
}

// writeProse writes paragraphs; indented lines stay as they are.
func writeProse(w io.Writer, text string) {
	var literal []string
	begun := true // a paragraph: the heading begins the first
	flush := func() {
		if len(literal) > 0 {
			fmt.Fprintln(w, ".PP")
			writeLiteral(w, literal)
			literal, begun = nil, false
		}
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  "):
			literal = append(literal, line)
		case line == "":
			if len(literal) > 0 {
				literal = append(literal, "")
			}
			begun = false
		default:
			flush()
			if !begun {
				fmt.Fprintln(w, ".PP")
			}
			begun = true
			fmt.Fprintln(w, roffText(line))
		}
	}
	flush()
}

// writeLiteral writes lines that keep their breaks and blanks.
func writeLiteral(w io.Writer, lines []string) {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	fmt.Fprint(w, ".RS 4\n.EX\n")
	for _, line := range lines {
		fmt.Fprintln(w, roffText(strings.TrimPrefix(strings.TrimPrefix(line, "  "), "  ")))
	}
	fmt.Fprint(w, ".EE\n.RE\n")
}

// roffText makes one line of text safe: no backslash, no request at its start,
// and a hyphen is the one that can be copied to a command line.
func roffText(line string) string {
	line = roffWord(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "\t", "    ", "\n", " ")

func roffWord(s string) string { return roffEscapes.Replace(s) }
