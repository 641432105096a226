// Package simulate plays the run loop and the judge of a real experiment
// (internal/experiment and internal/analysis, the very same code) against
// simulated hosts in virtual time, many times over, and counts what came out:
// how often each verdict, how often the interval held the truth, and what it
// would have cost the backups.
//
// A World describes a host; worlds are YAML, and Builtin has those the method
// was chosen on. A host plays one world from one seed. Play is one run, Score
// many. Nothing here knows the clock, the system or a real backup.
package simulate
