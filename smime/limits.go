package smime

// Limits of a message's structure. A message over a limit is reported as such, never truncated. The
// limits of its parts are in internal/entity.
const (
	maxSignatures = 8
	maxLayers     = 4 // CMS inside CMS
	maxStructural = 100
)
