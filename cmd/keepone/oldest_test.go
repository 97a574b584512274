package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// oldest is compared with a map that forgets nobody.
func TestOldest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var o oldest
	since, now := map[uint64]time.Time{}, time.Unix(1000, 0)
	for range 5000 {
		now = now.Add(time.Duration(r.IntN(5)) * time.Second)
		var peers []uint64
		for peer := uint64(1); peer <= 40; peer++ {
			_, was := since[peer]
			if is := r.IntN(20) > 0 == was; is {
				peers = append(peers, peer, peer) // the kernel may say it twice
				if !was {
					since[peer] = now
				}
			} else {
				delete(since, peer)
			}
		}
		o.observe(now, peers)
		want := time.Duration(0)
		for _, came := range since {
			want = max(want, now.Sub(came))
		}
		if got := o.age(now); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	many := make([]uint64, 1000)
	for i := range many {
		many[i] = uint64(i + 1)
	}
	if n := testing.AllocsPerRun(10, func() { o.observe(now, many) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
