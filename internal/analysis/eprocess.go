package analysis

import "math"

// mixtureVariance is g, the prior variance of the effect in units of its
// noise, of the normal mixture behind the e-process.
const mixtureVariance = 4

// eValue is the normal-mixture e-process of a t statistic t with df degrees of
// freedom after n blocks:
//
//	E = (1+ng)^(-1/2) · [(1+t²/ν) / (1+t²/(ν(1+ng)))]^((ν+1)/2)
//
// It may be looked at after every block, stopped and extended at will: the
// chance that it ever reaches 1/α is at most α (Howard et al. 2021; Wang and
// Ramdas 2023). Exact for the plain estimator, approximate when stratified.
func eValue(t float64, n, df int) float64 {
	spread := 1 + float64(n)*mixtureVariance
	nu := float64(df)
	ratio := (1 + t*t/nu) / (1 + t*t/(nu*spread))
	return math.Pow(ratio, (nu+1)/2) / math.Sqrt(spread)
}

// mixtureCritical is the t at which eValue reaches the threshold; +Inf where
// the blocks are too few for any t to reach it.
func mixtureCritical(n, df int, threshold float64) float64 {
	spread := 1 + float64(n)*mixtureVariance
	nu := float64(df)
	base := math.Pow(threshold*math.Sqrt(spread), 2/(nu+1))
	if base >= spread {
		return math.Inf(1)
	}
	return math.Sqrt(nu * (base - 1) / (1 - base/spread))
}
