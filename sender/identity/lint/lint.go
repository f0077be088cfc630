// Package lint says in words what is wrong with the certificate of an identity, before its
// recipients see it: what it is, why it matters and what to do.
//
// Standards: RFC 8550 (certificates for mail), RFC 5280 (their profile), RFC 7671 (what counts
// under which usage of a record), RFC 9598 (addresses that are not ASCII).
//
// # Limitations
//
// It looks at the certificate as it is stored, and asks neither the DNS nor a CA: whether a record
// is published, or a certificate revoked, it does not know. What it says of other programs is what
// they did when they were tried.
package lint

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"dnseal/sender/identity"
)

// Level is how bad a finding is.
type Level string

// Levels, worst first.
const (
	// Wrong: receivers that run dnseal do not let such a signature pass.
	Wrong Level = "WRONG"
	// Warning: some receivers do not, or under some records not.
	Warning Level = "warning"
	// Note: what other programs make of it.
	Note Level = "note"
)

// Code is the word for a finding (stable).
type Code string

// Codes.
const (
	KeyMismatch      Code = "key-mismatch"
	NoCertificate    Code = "no-certificate"
	OtherName        Code = "other-name"
	NonASCIIName     Code = "non-ascii-name"
	KeyUsage         Code = "key-usage"
	ExtKeyUsage      Code = "extended-key-usage"
	Expired          Code = "expired"
	NotYetValid      Code = "not-yet-valid"
	WeakKey          Code = "weak-key"
	LargeKey         Code = "large-key"
	UncommonKey      Code = "uncommon-key"
	WeakSignature    Code = "weak-signature"
	NoKeyIdentifier  Code = "no-key-identifier"
	IsCA             Code = "is-ca"
	FalseCA          Code = "ca-false"
	NoChain          Code = "no-chain"
	BrokenChain      Code = "broken-chain"
	Serial           Code = "serial"
	Version1         Code = "version-1"
	Unreadable       Code = "unreadable-elsewhere"
	SelfSigned       Code = "self-signed"
	UnreadableNames  Code = "unreadable-names"
	SubjectNameAlone Code = "name-in-subject"
)

// Finding is one fault, or one thing to know.
type Finding struct {
	Level Level
	Code  Code
	// What is so, why it matters, and what to do, as clauses without capital and period. Do can be
	// empty: nothing need be done.
	What, Why, Do string
}

// String is the finding as one line.
func (f Finding) String() string {
	text := f.What + ": " + f.Why
	if f.Do != "" {
		text += "; " + f.Do
	}
	return text
}

// Lint returns the findings about the certificate and chain of id at the time now, worst first;
// nil: there is none. It reads no DNS: which record is published decides whether dates and chain
// count, and is said with those that depend on it.
func Lint(id *identity.Identity, now time.Time) []Finding {
	l := &linter{id: id, cert: id.Certificate, now: now}
	if l.cert == nil {
		l.bare()
		return l.findings
	}
	l.checkKey()
	l.checkName()
	l.checkUsage()
	l.checkDates()
	l.checkStrength()
	l.checkForm()
	l.checkAuthority()
	l.checkChain(context.Background())
	order := []Level{Wrong, Warning, Note}
	slices.SortStableFunc(l.findings, func(a, b Finding) int { return slices.Index(order, a.Level) - slices.Index(order, b.Level) })
	return l.findings
}

type linter struct {
	id       *identity.Identity
	cert     *x509.Certificate
	now      time.Time
	findings []Finding
}

func (l *linter) add(level Level, code Code, what, why, do string) {
	l.findings = append(l.findings, Finding{level, code, what, why, do})
}

const newCertificate = "get another certificate: dnseal identity csr makes the request"

// bare is for an identity without certificate.
func (l *linter) bare() {
	if l.id.Use() == identity.UseEncrypt {
		l.add(Note, NoCertificate, "it has no certificate", "senders that run dnseal take the key from the record (3 1 0), and other programs encrypt to certificates alone", "for them make the key that signs first, which certifies this one: dnseal identity new")
		return
	}
	if l.id.Kind != identity.Mail {
		l.add(Wrong, NoCertificate, "it has no certificate", "the signatures of a "+string(l.id.Kind)+" need one, which states its name", "get one with dnseal identity csr, or import the key without --raw")
		return
	}
	l.add(Note, NoCertificate, "it has no certificate", "receivers get the key from the record alone, and programs other than dnseal verify nothing", "publish the key itself: dnseal identity record NAME --matching 0")
}

// authorities are the certificates above the identity's own, for words.
func (l *linter) describe(c *x509.Certificate) string {
	if c == l.cert {
		return "the certificate"
	}
	return fmt.Sprintf("the CA certificate of %q", clip(c.Subject.String()))
}

// all are the identity's certificate and those above it.
func (l *linter) all() []*x509.Certificate {
	return append([]*x509.Certificate{l.cert}, l.id.Authorities()...)
}

// clip shortens what a CA wrote.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
