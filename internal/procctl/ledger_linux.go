package procctl

// A Ledger is told of every intended stop before it is sent, and of every
// process that was continued. The guard implements it.
type Ledger interface {
	// Intend returns only after the intent is journalled and the guard holds
	// the processes. The handles remain the caller's.
	Intend(handles []*Handle) error
	// Forget says that they run again, or never were stopped, or have ended.
	Forget(handles []*Handle) error
}

// A FreezeLedger is told the same of a cgroup. The guard implements it.
type FreezeLedger interface {
	// IntendFreeze returns only after the intent is journalled and the guard
	// holds the freeze file. The cgroup remains the caller's.
	IntendFreeze(*Cgroup) error
	// ForgetFreeze says that it is thawed, as far as it was ours, or gone.
	ForgetFreeze(*Cgroup) error
}
