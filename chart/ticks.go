package chart

import (
	"math"
	"strconv"
	"time"
)

// step returns the smallest round number that divides a range into at most so
// many parts: 1, 2 or 5 times a power of ten.
func step(whole float64, most int) float64 {
	least := whole / float64(max(1, most))
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least {
			return m * power
		}
	}
	return 10 * power
}

// values returns the steps of the vertical axis, in bytes.
func (f frame) values() (all []float64) {
	n := int(math.Round((f.high - f.low) / f.step))
	for i := range n + 1 {
		all = append(all, f.low+float64(i)*f.step)
	}
	return all
}

// mib writes bytes as MiB with one digit after the point, or three below 1.
func mib(bytes float64) string {
	m, digits := bytes/mebibyte, 10.0
	if m < 1 {
		digits = 1000
	}
	return strconv.FormatFloat(math.Round(m*digits)/digits, 'f', -1, 64)
}

// A tick is a place on the time axis, from 0 to 1, and what stands there.
type tick struct {
	at   float64
	text string
}

const day = 24 * time.Hour

var strides = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 5 * day, 10 * day, 30 * day, 100 * day, 365 * day,
}

// times returns at most about so many ticks. They stand on round times of the
// wall clock, also on the day when that is put forward or back.
func (f frame) times(most int) (all []tick) {
	whole := f.to.Sub(f.from)
	stride := strides[len(strides)-1]
	for stride*time.Duration(max(1, most)) < whole {
		stride *= 2
	}
	for _, s := range strides {
		if whole <= s*time.Duration(max(1, most)) {
			stride = s
			break
		}
	}
	y, m, d := f.from.Date()
	hour, minute, second := f.from.Clock()
	last, apart := f.from.Add(-1), int(stride/time.Second)
	first := (hour*3600 + minute*60 + second) / apart
	for i := range int((whole+day)/stride) + 2 { // a clock that is put forward takes more of them
		seconds := (first + i) * apart
		t := time.Date(y, m, d+seconds/86400, 0, 0, seconds%86400, 0, f.from.Location())
		if t.After(f.to) {
			break
		}
		if t.After(last) { // a time that the clock leaves out is another one again
			all = append(all, tick{f.where(t), f.clock(t, stride)})
			last = t
		}
	}
	return all
}

// clock writes a tick's time; where days pass by, midnight is the date.
func (f frame) clock(t time.Time, stride time.Duration) string {
	midnight := t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0
	switch {
	case stride >= day, midnight && f.days():
		return t.Format("2 Jan")
	case stride < time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// days says whether a time of day is not enough to tell when.
func (f frame) days() bool { return f.to.Sub(f.from) > day }

// moment writes when a mark is.
func (f frame) moment(t time.Time) string {
	if f.days() {
		return t.Format("2 Jan 15:04")
	}
	return t.Format("15:04")
}
