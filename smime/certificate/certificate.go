// Package certificate is X.509 (RFC 5280) as mail needs it: a tolerant reader, names, one certified
// path, one check of name constraints. Everything that rests on a certification authority goes
// through [Verify]: records of usages 0 to 2 (RFC 7671), the authority of a domain's users, and
// PKIX roots (RFC 8550).
//
//	reading      what crypto/x509 refuses, too      parse.go, extension.go, usage.go
//	keys         in all their forms                 key.go, curve.go, mldsa.go
//	names        what a certificate states          names.go, generalname.go, directory.go
//	constraints  which names a CA may certify       constraints.go, subtree.go, mailbox.go
//	path         from a certificate to an anchor    verify.go, search.go, path.go, policies.go
//	work         what a certificate may cost        cost.go, work.go
//
// Standards: RFC 5280 (Sections 4, 4.2.1.10 and 6.1), RFC 5480 (elliptic curves), RFC 9598
// (SmtpUTF8Mailbox), RFC 9618 (policies), RFC 9881 (ML-DSA in keys and in signatures on
// certificates).
//
// A key that its owner published counts whatever else its certificate says, so that [Parse] reads
// certificates in which only something else is wrong. It is never more permissive than crypto/x509
// is: what it cannot read of a usage or an authority allows nothing, and no path holds a
// certificate with an extension that occurs twice or cannot be read.
//
// Every name of every certificate in a path has to be one that all authorities above it may
// certify: rfc822Name, SmtpUTF8Mailbox, emailAddress in the subject, dNSName, iPAddress,
// uniformResourceIdentifier and directoryName. The anchor's own constraints hold, too: they were
// part of the anchor when it was named. Where only a key is the anchor (2 1 0, and no certificate
// with that key came along) there are none; named by its key (2 1 x), it has those of the
// certificate that came along, which the sender chooses: only 2 0 x names them with it. A
// constraint on another form of name, one that cannot be read, or a name that cannot be read under
// a constraint on its form, is a violation, whether or not the extension is critical. An empty
// rfc822Name permits nothing and excludes everything, because readers disagree on it.
//
// A message brings certificates, and a zone brings keys, that strangers made. RSA takes time with
// the cube of the modulus, so that one key can keep a verifier busy for seconds: [CheckKey],
// [CheckSignature] and [CheckCost] refuse what is too large before anything is computed with it,
// and a [Work] bounds what all paths of one message cost together.
//
// # Limitations
//
// The package checks no revocation (RFC 5280, Section 6.3), and no certificate transparency. The
// caller checks that the certificate states the name it is used under ([NamesOf]) and that its own
// key usage allows the use (RFC 5280, Section 4.2.1.3; RFC 8550, Section 4.4.2). A leaf that is its
// own anchor has no path: DANE-EE (RFC 7671, Section 5.1) needs none.
package certificate
