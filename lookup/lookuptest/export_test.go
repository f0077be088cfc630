package lookuptest

// The zones of the tests, for those that cannot be in this package.
const (
	Sample = sample
	Other  = other
)
