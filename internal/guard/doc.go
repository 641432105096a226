// Package guard is the dead man's switch: a second process that continues
// whatever the controller has stopped when the controller dies, hangs, is
// stopped itself, or holds a pause past its limit.
//
// # How it works
//
// [Start] re-executes the program as the guard before the first stop signal.
// The controller tells the guard of every process it is about to stop, hands it
// a pidfd of that process, and sends the signal only after the guard's
// acknowledgement ([Account.Intend]); it tells it again after the process was
// continued ([Guard.Forget]). In between the guard fires, that is continues
// every process it knows, the latest first, when
//
//   - the controller's end of the socket closes, or its pidfd reports its exit;
//   - the controller has been silent for longer than the lease;
//   - any single pause has lasted longer than its limit;
//   - the pauses of one stream, or of all, have lasted longer together than theirs.
//
// A cgroup that is to be frozen is handed over in the same way, by its open
// freeze file ([Account.IntendFreeze], [Guard.ForgetFreeze]); to continue it is to
// write the one word that thaws it.
//
// A guard that has fired stays alive and continues its processes again and
// again until the controller forgets them or exits: a controller that was
// stopped between the acknowledgement and its stop signal sends that signal
// late, and nobody else would undo it. A run never goes on after a firing.
//
// The same intents stand in a journal, synced before the first stop, so that
// [Recover] can finish the job when both processes were killed.
//
// # Rules
//
// The guard holds pidfds, never bare pids, and freeze files, never paths, so it
// can't hit a stranger. Once it
// is ready it opens no file, and it sends no message before everything runs
// again. It never writes to the journal or the state directory: by the time it
// did, they might belong to the next run.
//
// # Limits
//
// The guard lives in the controller's cgroup: a freezer that holds both holds
// both, and cgroup.kill ends both (the journal remains). A job that is stopped
// with SIGCONT forbidden by a security module can't be helped by a guard of the
// same label; Intend asks the kernel beforehand, as far as signal 0 tells.
//
// All times are CLOCK_BOOTTIME, which goes on during a suspend: a backup that
// slept through the night with its host has been withheld all night.
package guard
