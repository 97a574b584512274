package chart

import "math"

// bars are the eighths of a line's height.
var bars = []rune("▁▂▃▄▅▆▇█")

// flat is the part of a figure that a Sparkline makes nothing of: without it
// the noise of a curve that is level would fill the whole height.
const flat = 0.05

// Sparkline draws values in one line of exactly width characters, the latest
// at the right. Where there are more values than characters, each stands for
// the largest of some; where there are fewer, spaces come first. What is not a
// finite number is a gap, a space. A height has no meaning but beside others.
func Sparkline(values []float64, width int) string {
	if width <= 0 {
		return ""
	}
	line := make([]float64, width)
	n := min(width, len(values))
	for i := range line {
		line[i] = math.NaN()
		if at := i - (width - n); at >= 0 {
			line[i] = largest(values[at*len(values)/n : (at+1)*len(values)/n])
		}
	}
	low, high := extent(line)
	text := make([]rune, width)
	for i, v := range line {
		text[i] = ' '
		if !math.IsNaN(v) {
			text[i] = bars[column((v-low)/(high-low), len(bars))]
		}
	}
	return string(text)
}

// largest returns the largest of the finite values, or NaN.
func largest(values []float64) float64 {
	most := math.NaN()
	for _, v := range values {
		if !math.IsInf(v, 0) && !math.IsNaN(v) && !(v <= most) {
			most = v
		}
	}
	return most
}

// extent returns the range that the bars stand for, which is never empty.
func extent(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	least := flat * max(math.Abs(low), math.Abs(high))
	if least == 0 {
		least = 1
	}
	if high-low < least {
		middle := low + (high-low)/2
		low, high = middle-least/2, middle+least/2
	}
	return low, high
}
