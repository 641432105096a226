package demo

import (
	"sync"
	"time"
)

// linkSlack is how far behind the link may be and still catch up. Sleepers wake
// late, on a busy machine by milliseconds; without slack that would be lost for
// good. It must stay short, because an idle link saves up just as much.
const linkSlack = 5 * time.Millisecond

// A link is the one line that all receivers read from. It carries one block after
// the other, in the order they come, each for as long as its bytes take.
type link struct {
	bytesPerSecond int64

	mu     sync.Mutex
	freeAt time.Time // when it will have carried all it was given
}

// carry returns when the link has carried n more bytes.
func (l *link) carry(n int) {
	l.mu.Lock()
	if earliest := time.Now().Add(-linkSlack); l.freeAt.Before(earliest) {
		l.freeAt = earliest
	}
	l.freeAt = l.freeAt.Add(time.Duration(int64(n) * int64(time.Second) / l.bytesPerSecond))
	done := l.freeAt
	l.mu.Unlock()
	time.Sleep(time.Until(done))
}
