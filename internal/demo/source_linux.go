package demo

import (
	"math"
	"os"
	"strconv"
)

// sourceMain stands for tar: it writes its stream to stdout, block by block.
func sourceMain(args []string) error {
	flags := newFlags("source")
	label := flags.String("label", "", "")
	seed := flags.Uint64("seed", 0, "")
	left := flags.Int64("bytes", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *left == 0 {
		*left = math.MaxInt64
	}
	content := newPattern(*seed, *label)
	for *left > 0 {
		block := content.next(int(min(*left, blockBytes)))
		if _, err := os.Stdout.Write(block); err != nil {
			return err
		}
		*left -= int64(len(block))
	}
	return nil
}

func sourceArgs(seed uint64, label string, bytes int64) []string {
	return []string{"source", "--label", label,
		"--seed", strconv.FormatUint(seed, 10), "--bytes", strconv.FormatInt(bytes, 10)}
}
