package smime

// Limits of a message's structure. What is over one is reported as such, never cut short. Those of
// its parts are in internal/entity.
const (
	maxSignatures = 8
	maxLayers     = 4 // CMS inside CMS
	maxStructural = 100
)
