package schedule

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A Planned is one segment to run now, with real streams.
type Planned struct {
	Active []int // stream ids, ascending
	// Lead is the stream that runs alone in this segment or, in a segment with
	// more streams, the one that runs alone in its block; 0 if none does.
	Lead int
	// HoldNS is the segment's whole length; 0 leaves it to the method.
	HoldNS int64
}

// A Stream is what the dealer needs to know of a stream.
type Stream struct {
	ID    int
	Label string
}

// A Dealer turns a schedule into segments. It makes every random choice of a
// run, from one seed, in the order in which it is asked.
type Dealer struct {
	schedule *Schedule
	rng      *rand.Rand
	leads    deck
	subsets  map[int]*ring // by size
}

// NewDealer returns a dealer. The same schedule, seed and sequence of live
// streams give the same segments.
func NewDealer(s *Schedule, seed uint64) *Dealer {
	// Note: PCG, because its output is fixed by Go's compatibility promise; the
	// second word only keeps seed 0 from looking special.
	return &Dealer{schedule: s, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), subsets: map[int]*ring{}}
}

// Block deals the segments of the next block. A segment that asks for more
// streams than live, or for a label that is gone, is left out: streams end
// while a run goes on, and that is no error.
func (d *Dealer) Block(live []Stream) []Planned {
	ids := idsOf(live)
	if len(ids) == 0 {
		return nil
	}
	var block []Planned
	lead := 0
	for _, seg := range d.schedule.Segments {
		p := Planned{HoldNS: seg.HoldNS}
		switch a := seg.Active; {
		case a.All || a.Count == len(ids):
			p.Active = ids
		case a.Count == 1:
			p.Lead = d.leads.deal(d.rng, ids)
			p.Active = []int{p.Lead}
			lead = p.Lead
		case a.Count > 1:
			p.Active = d.subset(ids, a.Count)
		default:
			p.Active = withLabels(live, a.Labels)
			if len(p.Active) == 1 {
				p.Lead = p.Active[0]
			}
		}
		if len(p.Active) > 0 {
			block = append(block, p)
		}
	}
	for i := range block {
		if block[i].Lead == 0 {
			block[i].Lead = lead
		}
	}
	if d.schedule.Random {
		d.rng.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
	}
	return block
}

// Restart begins a new deck of leads: when the blocks so far are discarded, the
// count of who led when is, too.
func (d *Dealer) Restart() { d.leads = deck{} }

// Pair deals a block of two: some k streams, and all; a fair coin decides which
// comes first.
func (d *Dealer) Pair(live []Stream, k int) []Planned {
	return d.Against(live, d.subset(idsOf(live), k))
}

// Against deals a block of two: the given streams, and all. There is none when
// one of them is gone, or when they are all there are.
func (d *Dealer) Against(live []Stream, some []int) []Planned {
	ids := idsOf(live)
	gone := func(id int) bool { return !slices.Contains(ids, id) }
	if len(some) == 0 || len(some) >= len(ids) || slices.ContainsFunc(some, gone) {
		return nil
	}
	return d.toss(Planned{Active: some}, Planned{Active: ids})
}

// OnesAndTwos deals every single stream and every two of them once, in random
// order.
func (d *Dealer) OnesAndTwos(live []Stream) [][]int {
	ids := idsOf(live)
	var sets [][]int
	for i, a := range ids {
		sets = append(sets, []int{a})
		for _, b := range ids[i+1:] {
			sets = append(sets, []int{a, b})
		}
	}
	d.rng.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	return sets
}

// Placebo deals a pair of two segments in which all streams are active. In the
// one with a lead, every stream but the lead is to be stopped and continued at
// once.
func (d *Dealer) Placebo(live []Stream) []Planned {
	ids := idsOf(live)
	if len(ids) == 0 {
		return nil
	}
	return d.toss(Planned{Active: ids, Lead: d.leads.deal(d.rng, ids)}, Planned{Active: ids})
}

func (d *Dealer) toss(a, b Planned) []Planned {
	if d.rng.IntN(2) == 0 {
		return []Planned{a, b}
	}
	return []Planned{b, a}
}

// GapNS is how long everything runs before the next block. Left to the method
// it is uniform between 1 and 3 s: the random part keeps the blocks from
// falling into step with anything periodic on the host (docs/statistics.md).
func (d *Dealer) GapNS() int64 {
	if d.schedule.GapNS >= 0 {
		return d.schedule.GapNS
	}
	return int64(time.Second) + d.rng.Int64N(int64(2*time.Second)+1)
}

func (d *Dealer) subset(ids []int, k int) []int {
	if k >= len(ids) {
		return nil
	}
	r := d.subsets[k]
	if r == nil {
		r = &ring{}
		d.subsets[k] = r
	}
	return r.take(d.rng, ids, k)
}

// A deck deals each live stream once before any stream a second time.
type deck struct {
	left  []int // still to be dealt, next one last
	known []int // every stream the deck has held since it was last shuffled
}

func (k *deck) deal(rng *rand.Rand, live []int) int {
	k.left = slices.DeleteFunc(k.left, func(id int) bool { return !slices.Contains(live, id) })
	for _, id := range live { // newcomers join at a random place
		if len(k.left) > 0 && !slices.Contains(k.known, id) {
			k.left = slices.Insert(k.left, rng.IntN(len(k.left)+1), id)
			k.known = append(k.known, id)
		}
	}
	if len(k.left) == 0 {
		k.left = slices.Clone(live)
		k.known = slices.Clone(live)
		rng.Shuffle(len(k.left), func(i, j int) { k.left[i], k.left[j] = k.left[j], k.left[i] })
	}
	id := k.left[len(k.left)-1]
	k.left = k.left[:len(k.left)-1]
	return id
}

// A ring deals subsets by walking round a shuffled circle of the live streams,
// so that all streams are dealt equally often.
type ring struct {
	order []int
	next  int
}

func (r *ring) take(rng *rand.Rand, live []int, k int) []int {
	sorted := slices.Sorted(slices.Values(r.order))
	if !slices.Equal(sorted, live) {
		r.order, r.next = slices.Clone(live), 0
		rng.Shuffle(len(r.order), func(i, j int) { r.order[i], r.order[j] = r.order[j], r.order[i] })
	}
	some := make([]int, k)
	for i := range some {
		some[i] = r.order[r.next]
		r.next = (r.next + 1) % len(r.order)
	}
	slices.Sort(some)
	return some
}

func idsOf(live []Stream) []int {
	ids := make([]int, len(live))
	for i, s := range live {
		ids[i] = s.ID
	}
	slices.Sort(ids)
	return ids
}

func withLabels(live []Stream, labels []string) []int {
	var ids []int
	for _, want := range labels {
		i := slices.IndexFunc(live, func(s Stream) bool { return names(want, s.Label) })
		if i < 0 {
			return nil
		}
		ids = append(ids, live[i].ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
