package demo

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many share a link, it carries the same.
func TestLinkIsShared(t *testing.T) {
	for _, sharers := range []int{1, 2, 7} {
		synctest.Test(t, func(t *testing.T) {
			l := &link{bytesPerSecond: 1000 * blockBytes}
			begin := time.Now()
			var all sync.WaitGroup
			for range sharers {
				all.Go(func() {
					for range 700 / sharers {
						l.carry(blockBytes)
					}
				})
			}
			all.Wait()
			if got, want := time.Since(begin), 700*time.Millisecond-linkSlack; got != want {
				t.Errorf("%d sharing: took %v, want %v", sharers, got, want)
			}
		})
	}
}

func TestIdleLinkSavesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{bytesPerSecond: 1000}
		l.carry(1000)
		time.Sleep(time.Hour)
		begin := time.Now()
		l.carry(1000)
		if got, want := time.Since(begin), time.Second-linkSlack; got != want {
			t.Errorf("after idling, 1 s of data took %v, want %v", got, want)
		}
	})
}
