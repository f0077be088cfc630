// Package entity reads a message as a tree of MIME entities (RFC 2045, RFC 2046): ranges of its
// bytes, with the hazards of transit that each part holds.
//
//	[Walk]           the tree of a message (walk.go, part.go)
//	[ParseMediaType] a field that names a type (mediatype.go, scanner.go, parameters.go)
//	[Ambiguity]      what some readers read in another way (ambiguity.go, careless.go, repair.go)
//	[Meter]          what breaks a signature in transit (hazard.go)
//	[ReadCMS]        the CMS object of a part (cmspart.go, base64reader.go)
//
// # Limitations
//
// The tree is what RFC 2046 describes. Where readers are known to differ the part says so
// (Malformed, Ambiguity); which of them is right is not decided here. Bodies are decoded only for
// CMS objects. What is over a limit (limits.go) is an error, never cut short.
package entity
