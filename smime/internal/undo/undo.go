// Package undo finds what mail systems did to signed content after it was signed: [Find] undoes the
// known transformations, one by one and a few together, until the digest is the signed one.
//
//	step.go      the table of all kinds of changes; each has a file of its own
//	several.go   the order in which they are tried, alone and together
//	candidate.go what the content may have been, as ranges that are replaced
//	suspect.go   the content, its hash and what was tried
//	budget.go    the bound on the work
//
// # Limitations
//
// It is diagnosis only: content that was found makes no bad signature good. Content that was
// changed in two ways which hide each other, or in a way that loses octets, is not found. At most
// 256 MiB are hashed for content of up to 1 MiB, and larger content 256 times; the work of undoing
// changes counts as well. So large content is searched less deeply.
package undo
