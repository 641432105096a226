package stream

import (
	"slices"
	"strings"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// The shape of an Amanda client's process trees:
//
//	amandad                  relays; one for all dumps, or one for each (by auth)
//	 └ sendbackup            one dump: collects, computes checksums
//	    ├ sendbackup         tees to the index (GNUTAR and DUMP with index)
//	    │  └ sh → tar -tf -, sed
//	    ├ gzip, an encryptor
//	    └ tar --create | dump | an application → tar --create | ...
//
// Only what reads the disk is paused. amandad may serve other dumps. A paused
// index branch would block the tee and with it the dump, but late and with half
// the bytes already sent.

// amanda finds the dumps, and says of what resembles one why it is none.
func (d *discovery) amanda(rule *Rule) {
	if !d.ruleWanted(rule) {
		// Its trees are claimed all the same: Amanda's tar is no other rule's stream.
		defer func(drafts []*draft, ignored []Ignored, warnings []string) {
			d.drafts, d.ignored, d.warnings = drafts, ignored, warnings
		}(d.drafts, d.ignored, d.warnings)
	}
	before := len(d.drafts)
	for _, p := range d.procs {
		switch {
		case !d.wanted(p):
		case p.is("sendbackup"):
			d.sendbackup(p, rule)
		case p.parent != nil && p.parent.is("amandad") && !p.is("amandad"):
			d.service(p, rule)
		case p.is("dumper", "chunker", "taper") && p.parent != nil && p.parent.is("driver"):
			d.ignore(p, rule.Name, "server side of Amanda: it receives dumps")
		}
	}
	d.checkAuth(d.drafts[before:])
}

// service claims what amandad started beside dumps.
func (d *discovery) service(p *process, rule *Rule) {
	reason := "a service of amandad, not a dump"
	if p.is("sendsize") {
		reason = "an estimate, not a dump: it would only be delayed until it fails"
	}
	d.ignore(p, rule.Name, reason)
	d.claim(p.subtree())
}

// amandaRoot returns the sendbackup that a process belongs to or is, if that
// is one of a living dump.
func amandaRoot(p *process) *process {
	for q := p; q != nil; q = q.parent {
		if q.is("sendbackup") && q.parent != nil && q.parent.is("amandad") {
			return q
		}
	}
	return nil
}

func (d *discovery) sendbackup(p *process, rule *Rule) {
	if p.parent != nil && p.parent.is("sendbackup") {
		return // the index branch, part of its parent's dump
	}
	tree := p.subtree()
	defer d.claim(tree)
	if p.parent == nil || !p.parent.is("amandad") {
		d.ignore(p, rule.Name, "its amandad is gone: nobody takes its bytes")
		return
	}
	app, sources, readers := d.amandaParts(p)
	for _, r := range readers {
		d.ignore(r, rule.Name, "it reads the dump to make the index, not the disk")
	}
	if len(sources) == 0 {
		d.ignore(p, rule.Name, "no process below it reads a disk: the dump is starting or ending, or its program is unknown")
		return
	}
	s := &draft{
		Stream: Stream{Rule: rule.Name, MinimumAgeNS: int64(rule.MinimumAge)},
		root:   p, sources: sources, processes: tree,
		carriers: d.amandaCarriers(p.parent), via: d.amandaVia(p.parent),
	}
	s.setLabel(amandaLabel(p, app, sources[0], d.evidence))
	if r := d.fragileAmong(sources); r != nil {
		d.instead(s, r)
	}
	if s.sources[0].is(dumpPrograms...) {
		s.writers = innermost(s.sources[0])
	}
	d.add(s)
}

func (d *discovery) fragileAmong(sources []*process) *RefuseRule {
	for i := range d.rules.Rules {
		r := &d.rules.Rules[i]
		if r.Refuse != nil && !r.Disabled && slices.ContainsFunc(subtrees(sources), r.fits) {
			return r.Refuse
		}
	}
	return nil
}

// innermost are the members of a family that have no children: the slaves of
// Linux dump, which inherited its standard output and write in turn.
func innermost(root *process) []*process {
	return filter(root.subtree(), func(p *process) bool { return len(p.children) == 0 })
}

// amandaParts finds in the tree of a sendbackup the application, if one is
// used, the roots of what reads the disk, and the readers of the index.
func (d *discovery) amandaParts(root *process) (app *process, sources, readers []*process) {
	var fragile []*process
	for _, p := range root.subtree() {
		verb, isApp := applicationCall(p.Args)
		switch {
		case p == root:
		case app == nil && isApp && verb == "backup":
			app = p
		case isIndexReader(p):
			readers = append(readers, p)
		case readsDisk(p):
			sources = append(sources, p)
		case d.fragile(p) != nil:
			fragile = append(fragile, p)
		}
	}
	switch sources = topmost(sources); {
	case len(sources) > 0:
	case len(fragile) > 0:
		sources = topmost(fragile)
	case app != nil:
		sources = []*process{app}
	default:
		sources = d.unknownSources(root)
	}
	return app, sources, readers
}

// readsDisk holds for the programs that Amanda dumps with: by name, and tar by
// its options too, for it may be installed under any name. An estimate writes to
// /dev/null.
func readsDisk(p *process) bool {
	if p.is(dumpPrograms...) {
		return true
	}
	c := parseTar(p.Args)
	if c.Mode != 'c' || c.File == "/dev/null" {
		return false
	}
	return p.is(tarPrograms...) || slices.Contains(p.Args, "--create") && c.Directory != ""
}

func isIndexReader(p *process) bool {
	return p.is(tarPrograms...) && parseTar(p.Args).Mode == 't' || p.is("restore", "xfsrestore", "ufsrestore", "vxrestore")
}

var filterPrograms = []string{
	"gzip", "pigz", "bzip2", "pbzip2", "xz", "zstd", "lz4", "lzop", "compress",
	"amcrypt", "amcrypt-ossl", "amcrypt-ossl-asym", "amgpgcrypt", "amcryptsimple", "gpg", "gpg2", "aespipe", "openssl",
}

// unknownSources finds a dump program of an unknown name by the pipes: a child
// of sendbackup that writes into one and is fed by no member of the tree.
// Filters are fed; those of well-known names are told apart even when what fed
// them has ended and they only send the rest.
func (d *discovery) unknownSources(root *process) []*process {
	inside := setOf(root.subtree())
	return filter(root.children, func(p *process) bool {
		out := p.fd(1)
		if p.is("sendbackup") || p.is(filterPrograms...) || out == nil || out.Kind != proctable.Pipe {
			return false
		}
		in := p.fd(0)
		fed := in != nil && in.Kind == proctable.Pipe &&
			slices.ContainsFunc(d.writers[in.Inode], func(w *process) bool { return w != p && inside[w] })
		return !fed
	})
}

// The auths by which an amandad talks to its server, by what they mean for the
// way of the bytes [Amanda: man amanda-auth(7)].
var (
	sharedAuths  = []string{"bsd", "bsdudp"}         // one amandad for all dumps
	privateAuths = []string{"bsdtcp", "ssl", "krb5"} // one each
	remoteShells = []string{"ssh", "rsh"}            // one each, and sshd or rshd holds the connection
)

const (
	localAuth   = "local"  // one each, child of the server's dumper, no socket
	defaultAuth = "bsdtcp" // amandad's own, in 3.3 and 3.5
)

// amandadAuth is what amandad's own command line says.
func amandadAuth(amandad *process) string {
	if auth, ok := option(amandad.Args, "-auth"); ok {
		return auth
	}
	return defaultAuth
}

// amandaCarriers finds who holds the network connection of an amandad: itself;
// with auth ssh or rsh the daemon that started it; with auth local nobody. An
// auth that is unknown is judged by the descriptors.
func (d *discovery) amandaCarriers(amandad *process) []*process {
	auth := amandadAuth(amandad)
	shell := d.ancestorRelay(amandad)
	switch {
	case auth == localAuth:
		return nil
	case slices.Contains(remoteShells, auth) && shell != nil:
		return []*process{shell}
	case slices.Contains(sharedAuths, auth) || slices.Contains(privateAuths, auth) || amandad.hasSocket() || shell == nil:
		return []*process{amandad}
	}
	return []*process{shell}
}

// amandaVia is amandad and, beyond it, who carries for it.
func (d *discovery) amandaVia(amandad *process) []*process {
	via := []*process{amandad}
	for _, c := range d.amandaCarriers(amandad) {
		if c != amandad {
			via = append(via, c)
		}
	}
	return via
}

// checkAuth warns where command lines and processes disagree about the
// topology, for one of them is then not what the operator thinks.
func (d *discovery) checkAuth(dumps []*draft) {
	byAmandad := map[*process]int{}
	byAuth := map[string]map[*process]bool{}
	for _, s := range dumps {
		amandad, auth := s.root.parent, amandadAuth(s.root.parent)
		byAmandad[amandad]++
		if byAuth[auth] == nil {
			byAuth[auth] = map[*process]bool{}
		}
		byAuth[auth][amandad] = true
		if said := sendbackupAuth(s.root); said != "" && said != auth {
			d.warn("%s runs with auth %s, but told %s that it is %s",
				who(amandad), printableAuth(auth), who(s.root), printableAuth(said))
		}
		if auth == localAuth {
			d.warn("%s runs with auth local: its dumps don't cross the network, interface counters don't show them", who(amandad))
		}
	}
	for amandad, dumps := range byAmandad {
		if auth := amandadAuth(amandad); dumps > 1 && !slices.Contains(sharedAuths, auth) {
			d.warn("%s runs with auth %s, which has one amandad for each dump, but carries %d", who(amandad), printableAuth(auth), dumps)
		}
	}
	for _, auth := range sharedAuths {
		if n := len(byAuth[auth]); n > 1 {
			d.warn("auth %s has one amandad for all dumps, but %d carry dumps", auth, n)
		}
	}
}

// sendbackupAuth is the auth that amandad passes to its services: "sendbackup
// amandad bsd".
func sendbackupAuth(p *process) string {
	i := slices.Index(p.Args, "amandad")
	if i < 1 || i+1 >= len(p.Args) || strings.HasPrefix(p.Args[i+1], "-") {
		return ""
	}
	return p.Args[i+1]
}

func printableAuth(auth string) string { return printable.Text(auth, nameRunes) }
