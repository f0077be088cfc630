// Package undo finds what mail systems did to signed content after it was signed: [Find] undoes the
// known transformations, one by one and a few together, until the digest is the signed one.
//
// # Limitations
//
// It is diagnosis only: content that was found makes no bad signature good. Content that was
// changed in two ways which hide each other, or in a way that loses octets, is not found. The work
// is bounded by octets hashed, so large content is searched less deeply.
package undo
