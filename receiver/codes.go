package receiver

// Code is a stable word that says why a verdict is no better, "" where there is nothing to explain.
type Code string

// Codes of Report.Code and SignatureReport.Code. In addition to these, "limit:WORD"
// and "budget:WORD" name a limit that was reached, and an indeterminate DNS answer gives its own
// word ("timeout", "servfail", …: the codes of package lookup).
const (
	// Integrity: the words of package smime. Verdict fail.

	// CodeBadSignature: the signature value is wrong (RFC 5652, Section 5.6)
	CodeBadSignature Code = "bad-signature"
	// CodeBadDigest: the content is not what was signed (RFC 5652, Section 5.6)
	CodeBadDigest Code = "bad-digest"
	// CodeBadAttributes: the signed attributes contradict the rest (RFC 5652, Section 5.3)
	CodeBadAttributes Code = "bad-attributes"
	// CodeKeySubstituted: the certificate is not the one that the signature names (RFC 5035,
	// Section 3)
	CodeKeySubstituted Code = "key-substituted"
	// CodeBadCosigner: another signer of the same SignedData (RFC 5652, Section 5.1) is bad; policy
	CodeBadCosigner Code = "bad-cosigner"

	// Integrity that is not known.

	// CodeMalformed: the message, the signature or the signer's certificate cannot be read;
	// permerror
	CodeMalformed Code = "malformed"
	// CodeUnsupported: an algorithm or form that is not computed here, beyond those of RFC 8551,
	// Section 2, or two algorithms that do not go together; neutral
	CodeUnsupported   Code = "unsupported"
	CodeTooBig        Code = "too-big"        // over Options.MaxBytes, and not looked at; permerror
	CodeInternalError Code = "internal-error" // trouble of this machine; temperror

	// Identity.

	// CodeNoKey: the message brings no certificate, and no record the key; neutral
	CodeNoKey Code = "no-key"
	// CodeNoName: neither a certificate (RFC 8550, Section 3) nor a protected From states a name;
	// policy
	CodeNoName Code = "no-name"
	// CodeNameNotBound: a certificate that names itself as issuer, and is not signed by its key;
	// policy
	CodeNameNotBound Code = "name-not-bound"
	// CodeNoOwnerName: the name stated cannot have a record (an address literal; too long: RFC
	// 1035, Section 2.3.4); neutral
	CodeNoOwnerName Code = "no-owner-name"

	// DNS.

	// CodeKeyMismatch: records exist, and none matches this key (RFC 6698, Section 2.1); fail
	CodeKeyMismatch Code = "key-mismatch"
	// CodeCAMissing: the record names the certificate of a CA by a digest, and the message does not
	// bring it (RFC 7671, Section 5.2.2); fail
	CodeCAMissing Code = "ca-not-in-message"
	// CodeExpired: the record would match, but the certificate is outside its dates (RFC 7671,
	// Section 5.2); fail
	CodeExpired Code = "expired"
	// CodeRevoked: proven: there is no record (RFC 4035, Section 5.4); fail
	CodeRevoked Code = "revoked-or-unpublished"
	// CodeNotPublishedNow: the same for saved mail, whose record may have been there when it came;
	// fail
	CodeNotPublishedNow Code = "not-published-now"
	// CodeKeyReplaced: key-mismatch of saved mail by the author in From: the key may have been
	// replaced since; fail
	CodeKeyReplaced Code = "key-not-published-now"
	// CodeNoRecord: a CA-issued certificate, and its owner publishes no record; neutral
	CodeNoRecord Code = "no-record"
	// CodeUnusableRecords: records exist, and none of them can be used (RFC 6698, Section 4.1);
	// neutral
	CodeUnusableRecords Code = "unusable-records"
	// CodeInsecure: proven: the zone is not signed (RFC 4033, Section 5); neutral
	CodeInsecure Code = "insecure"
	// CodeBogus: the zone should be signed and is not, or wrongly (RFC 4033, Section 5); temperror
	CodeBogus Code = "bogus"
	// CodeDenied: our allow or deny list forbids the lookup; neutral
	CodeDenied Code = "denied"
	// CodeIndeterminate: could not be looked up, for no known reason (RFC 4035, Section 4.3);
	// temperror
	CodeIndeterminate Code = "indeterminate"
	// CodeTimeout: not looked up, or not judged, in time; temperror
	CodeTimeout Code = "timeout"
	// CodeNoEvidence: judged by evidence (Options.Past), and nothing is kept about the message, or
	// about a name that it needs; temperror
	CodeNoEvidence Code = "no-evidence"
	// CodeEvidenceTime: the evidence is of another time; temperror
	CodeEvidenceTime Code = "evidence-time"
	// CodeEvidenceAnchor: the evidence rests on trust anchors that are not those of the reader
	// (RFC 4035, Section 4.4); temperror
	CodeEvidenceAnchor Code = "evidence-anchor"
	// CodeEvidenceUnreadable: the evidence about the message cannot be read; temperror
	CodeEvidenceUnreadable Code = "evidence-unreadable"
	// CodePKIX: judged by PKIX roots (RFC 5280, Section 6.1): with pass, they vouch for it; with
	// policy, they do not
	CodePKIX Code = "pkix"

	// Binding. Verdict policy.

	CodeBadFrom Code = "bad-from" // From cannot be read; permerror
	// CodeNoFrom: no From address (RFC 5322, Section 3.6)
	CodeNoFrom Code = "no-from"
	// CodeSeveralFrom: more than one From address, which RFC 5322, Section 3.6.2 allows
	CodeSeveralFrom Code = "several-from"
	CodeDisplayName Code = "display-name" // the display name of From shows another address
	// CodeFromMismatch: signed by another than the author in From (RFC 8550, Section 3)
	CodeFromMismatch Code = "from-mismatch"
	// CodeFromRewritten: the signer is the author in the protected From, and From names another
	CodeFromRewritten Code = "from-rewritten"
	// CodeInnerFromMismatch: the signer is the author in From, but the protected From names
	// another, or none (RFC 9788, Section 4.4)
	CodeInnerFromMismatch Code = "inner-from-mismatch"
	// CodeNoRule: a device, service or host without a rule that lets it use this From
	CodeNoRule Code = "no-rule"
	// CodeHeaderChanged: a protected field that readers show or act on is not as it was signed
	CodeHeaderChanged Code = "header-changed"
	// CodeNotEntity: what is signed is no MIME entity (RFC 8551, Section 3.1), but a file
	CodeNotEntity Code = "not-an-entity"
	// CodePartial: covers only a part of the message, or leaves out a text that readers may show
	// (RFC 9787, Section 4)
	CodePartial Code = "partial"

	// Freshness and quality. Verdict policy.

	// CodeWeak: an algorithm (RFC 8551, Section 2) or key size (RFC 8550, Section 4.3) that does
	// not count
	CodeWeak Code = "weak"
	// CodeSignedInFuture: the signing time (RFC 5652, Section 11.3) is more than five minutes ahead
	CodeSignedInFuture Code = "signed-in-future"
	// CodeKeyUsage: the certificate is for another purpose than signing mail (RFC 8550, Section
	// 4.4)
	CodeKeyUsage Code = "key-usage"

	// Verdict pass.

	// CodePQMissing: the name publishes a key for ML-DSA, and no signature by it is in the message
	// (the one beside the signature was removed, or never made), or none that counts
	CodePQMissing Code = "pq-missing"

	// CodeHeaderRestored: the header was changed, and is put back as it was signed
	// (Options.RestoreHeader)
	CodeHeaderRestored Code = "header-restored"

	// Unsigned mail, verdict none: what it is instead.

	CodeEncrypted  Code = "encrypted"  // RFC 8551, Section 3.3
	CodeCompressed Code = "compressed" // RFC 8551, Section 3.6
	CodeCertsOnly  Code = "certs-only" // RFC 8551, Section 3.8
	CodePGP        Code = "pgp"        // RFC 3156, Sections 4 and 5
)

// maxIdentities is how many signers of one message are looked up at most; package smime has the
// limit on signatures.
const maxIdentities = 4

const (
	codeLimitIdentities Code = "limit:identities"
	codeLimitPaths      Code = "limit:paths"
)
