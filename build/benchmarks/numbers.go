package main

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"
)

// round keeps four digits: more is not known.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// quantile is the q-th of the sorted values, 0 to 1.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// spread says how far values lie apart.
func spread(v []float64) string {
	return fmt.Sprintf("%.4g-%.4g of %d", quantile(v, 0.05), quantile(v, 0.95), len(v))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cpu is what this process has used of the processor so far; on a busy machine it says more than the time that passed.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
