// Package evidence keeps what verdicts rested on, and judges messages by it later, without a
// network.
//
// A file of evidence is lines of JSON, each with a checksum that goes on from the line before
// (line.go). It has a header, then, each written once and referred to by its SHA-256: the trust
// anchors, the policy, sets of DNS records with their signatures, and lookups, which name their
// sets in the order of RFC 9102; then a line for each message, and at the end a seal over
// everything (seal.go). dnseal-evidence(5) has all fields and rules, for other programs.
//
// [Writer] writes a file, [Open] reads a file or a folder of them. An [Archive] has receivers
// judge messages as of then: [Archive.Past].
//
// Nothing that a file says is believed, but for what can be proven. The trust anchors are the
// reader's own, with the periods they were valid in. The policy is the reader's own. The states of
// lookups are found out again from the records and signatures. The verdict that a file records is
// compared, never used. Only the time is the file's word, unless a time stamp or the signature of
// the seal witnesses it, and a report always says which.
//
// # Limitations
//
// Evidence shows that keys had signed records, and until when; not that a record was still
// published. Who gets hold of the keys of a zone can make evidence of earlier times, and who gets
// that of the signer of seals can sign for any time: only a time stamp that is older than that
// helps. Whether the certificate of a time-stamping authority was revoked is not asked. Bare
// answers of a resolver (mode ad-only) leave no evidence.
package evidence

import (
	"errors"
	"time"
)

// Version is that of the form of files, in their first line.
const Version = 1

// Limits of what is read.
const (
	maxLine    = 1 << 20  // octets of a line
	maxLines   = 16 << 20 // lines of all files that are open together
	maxSets    = 200      // sets of a lookup
	maxOctets  = 1 << 20  // octets of these together
	maxLookups = 200      // lookups of a message
	maxObjects = 100      // signature objects of a message
)

// Header is the first line of a file.
type Header struct {
	Version int `json:"dnseal-evidence"`
	// Writer names the program that wrote the file.
	Writer  string    `json:"writer"`
	Created time.Time `json:"created"`
}

// Anchors are trust anchors, as DS or DNSKEY records in zone-file form.
type Anchors []string

// Policy is what messages were judged by in addition to the DNS.
type Policy struct {
	// Saved says that the messages were saved mail, and not mail as it arrived.
	Saved bool `json:"saved,omitempty"`
	// Domains are the security domains, in their order.
	Domains []Domain `json:"domains,omitempty"`
	// Roots are the SHA-256 digests of the certificates of PKIX roots, sorted.
	Roots []string `json:"pkix_roots,omitempty"`
}

// Domain is a security domain of a [Policy].
type Domain struct {
	Names   []string            `json:"names"`
	Require string              `json:"require,omitempty"`
	Devices map[string][]string `json:"devices,omitempty"`
}

// Set is one RRset with its signatures.
type Set struct {
	// Name and Type are the question that it is an answer to, or a part of one.
	Name string `json:"name"`
	Type string `json:"type"`
	// Wire is the records and then their RRSIG records, uncompressed (RFC 1035, Section 3.2.1).
	Wire []byte `json:"wire"`
}

// Lookup is the answer to one question.
type Lookup struct {
	Name string    `json:"name"`
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	// Status and Code are what was found then.
	Status string `json:"status"`
	Code   string `json:"code"`
	Rcode  int    `json:"rcode"`
	// Sets are the SHA-256 digests of the lines of the sets that the status rests on, in the order
	// of RFC 9102, Section 3: what was asked for, then DNSKEY and DS up to the root.
	Sets []string `json:"sets"`
}

// Message is what was found out about one message.
type Message struct {
	// SHA256 and Size are of the whole message; SHA256 is empty where it was not computed.
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size"`
	// Signatures are the SHA-256 digests of the CMS objects of its signatures, as decoded.
	Signatures []string  `json:"signatures"`
	MessageID  string    `json:"message_id"`
	From       string    `json:"from"`
	CheckedAt  time.Time `json:"checked_at"`
	Verdict    string    `json:"verdict"`
	Code       string    `json:"code"`
	// Lookups, Anchors and Policy are the SHA-256 digests of such lines.
	Lookups []string `json:"lookups"`
	Anchors string   `json:"anchors"`
	Policy  string   `json:"policy"`
}

// Seal is the last line of a file that is complete.
type Seal struct {
	// SHA256 is over all octets of the file before the line of the seal.
	SHA256 string `json:"sha256"`
	// Messages is the number of lines about messages.
	Messages int `json:"messages"`
	// Sealed is the word of the file; what proves a time has its own.
	Sealed time.Time `json:"sealed"`
	// Token is a time-stamp token (RFC 3161) over these octets, in DER.
	Token []byte `json:"token,omitempty"`
	// Signature is a detached CMS signature over these octets, in DER, of the signed signing time.
	// Lookup is the SHA-256 digest of the line of the lookup of its signer's records.
	Signature []byte `json:"signature,omitempty"`
	Lookup    string `json:"lookup,omitempty"`
}

// Errors of files. They are wrapped with the name of the file and the number of the line.
var (
	// ErrNoEvidence: the file is none of evidence.
	ErrNoEvidence = errors.New("it is no file of evidence")
	// ErrVersion: the file is of a version that this program does not know.
	ErrVersion = errors.New("its version is not known here")
	// ErrEdited: the file is not as it was written.
	ErrEdited = errors.New("was edited")
	// ErrForm: a line is not in the form that lines of its kind have.
	ErrForm = errors.New("is not of the form that its kind has")
	// ErrLimit: the file is over a limit.
	ErrLimit = errors.New("over a limit")
)
