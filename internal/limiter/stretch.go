package limiter

import (
	"strconv"
	"strings"
)

// A Stretch is neighbouring levels with the same limit.
type Stretch struct {
	From, To int // how many streams ran at the first and at the last of them
	Limit    Limit
	// LeastShare and MostShare are those of its levels.
	LeastShare, MostShare float64
	levels                []int
}

// Stretches are the levels, with neighbours of the same limit put together.
func (f *Finding) Stretches() []Stretch {
	var all []Stretch
	for i := range f.Levels {
		l := &f.Levels[i]
		if n := len(all); n > 0 && all[n-1].Limit.same(&l.Limit) {
			s := &all[n-1]
			s.To, s.levels = l.Active, append(s.levels, l.Active)
			s.LeastShare, s.MostShare = min(s.LeastShare, l.Limit.Share), max(s.MostShare, l.Limit.Share)
			continue
		}
		all = append(all, Stretch{From: l.Active, To: l.Active, Limit: l.Limit, LeastShare: l.Limit.Share, MostShare: l.Limit.Share, levels: []int{l.Active}})
	}
	return all
}

// same reports whether two limits are told in the same words of the same thing.
func (l *Limit) same(other *Limit) bool {
	return l.Kind == other.Kind && l.Name == other.Name && l.Device == other.Device
}

// Active says how many streams ran: "1", "2 and 3", "2 to 5"; one by one where numbers
// between were not measured: "2, 4 and 6".
func (s *Stretch) Active() string {
	last := strconv.Itoa(s.To)
	switch n := len(s.levels); {
	case n == 1:
		return last
	case n > 2 && s.To-s.From == n-1:
		return strconv.Itoa(s.From) + " to " + last
	}
	var before []string
	for _, active := range s.levels[:len(s.levels)-1] {
		before = append(before, strconv.Itoa(active))
	}
	return strings.Join(before, ", ") + " and " + last
}
