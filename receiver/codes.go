package receiver

// Code is a stable word that says why a verdict is no better, "" where there is nothing to explain.
type Code string

// Codes of Report.Code and SignatureReport.Code. In addition to these, "limit:WORD"
// and "budget:WORD" name a limit that was reached, and an indeterminate DNS answer gives its own
// word ("timeout", "servfail", …: the codes of package lookup).
const (
	// Integrity: the words of package smime. Verdict fail.

	CodeBadSignature  Code = "bad-signature"  // the signature value is wrong
	CodeBadDigest     Code = "bad-digest"     // the content is not what was signed
	CodeBadAttributes Code = "bad-attributes" // the signed attributes contradict the rest
	// CodeKeySubstituted: the certificate is not the one that was signed along
	CodeKeySubstituted Code = "key-substituted"
	// CodeBadCosigner: another signer of the same SignedData is bad; policy
	CodeBadCosigner Code = "bad-cosigner"

	// Integrity that cannot be told.

	// CodeMalformed: the message or the signature cannot be read; permerror
	CodeMalformed Code = "malformed"
	// CodeUnsupported: an algorithm or form that is not known here; neutral
	CodeUnsupported   Code = "unsupported"
	CodeTooBig        Code = "too-big"        // over Options.MaxBytes, and not looked at; permerror
	CodeInternalError Code = "internal-error" // trouble of this machine; temperror

	// Identity.

	// CodeNoKey: the message brings no certificate, and no record the key; neutral
	CodeNoKey Code = "no-key"
	// CodeNoName: neither a certificate nor a protected From states a name; policy
	CodeNoName Code = "no-name"
	// CodeNameNotBound: a certificate that names itself as issuer, and is not signed by its key;
	// policy
	CodeNameNotBound Code = "name-not-bound"
	// CodeNoOwnerName: the name stated cannot have a record (an address literal, too long); neutral
	CodeNoOwnerName Code = "no-owner-name"

	// DNS.

	CodeKeyMismatch Code = "key-mismatch" // records exist, and none is of this key; fail
	// CodeExpired: the record would match, but the certificate is outside its dates; fail
	CodeExpired Code = "expired"
	CodeRevoked Code = "revoked-or-unpublished" // proven: there is no record; fail
	// CodeNotPublishedNow: the same for saved mail, whose record may have been there when it came;
	// fail
	CodeNotPublishedNow Code = "not-published-now"
	// CodeKeyReplaced: key-mismatch of saved mail by whom From says: the key may have been replaced
	// since; fail
	CodeKeyReplaced Code = "key-not-published-now"
	// CodeNoRecord: a CA-issued certificate, and its owner publishes no record; neutral
	CodeNoRecord Code = "no-record"
	// CodeUnusableRecords: records exist, and none of them can be used; neutral
	CodeUnusableRecords Code = "unusable-records"
	CodeInsecure        Code = "insecure" // proven: the zone is not signed; neutral
	// CodeBogus: the zone should be signed and is not, or wrongly; temperror
	CodeBogus Code = "bogus"
	// CodeDenied: our allow or deny list forbids the lookup; neutral
	CodeDenied Code = "denied"
	// CodeIndeterminate: could not be looked up, and nobody said why; temperror
	CodeIndeterminate Code = "indeterminate"
	// CodeTimeout: not looked up, or not judged, in time; temperror
	CodeTimeout Code = "timeout"
	// CodePKIX: judged by PKIX roots: with pass, they vouch for it; with policy, they do not
	CodePKIX Code = "pkix"

	// Binding. Verdict policy.

	CodeBadFrom      Code = "bad-from"      // From cannot be read; permerror
	CodeNoFrom       Code = "no-from"       // no From address
	CodeSeveralFrom  Code = "several-from"  // more than one From address
	CodeDisplayName  Code = "display-name"  // the display name of From shows another address
	CodeFromMismatch Code = "from-mismatch" // signed by somebody else than From says
	// CodeFromRewritten: the signer is who the protected From says, and From says another
	CodeFromRewritten Code = "from-rewritten"
	// CodeInnerFromMismatch: the signer is who From says, but the protected From says another, or
	// nothing
	CodeInnerFromMismatch Code = "inner-from-mismatch"
	// CodeNoRule: a device, service or host without a rule that lets it use this From
	CodeNoRule Code = "no-rule"
	// CodeHeaderChanged: a protected field that readers show or act on is not as it was signed
	CodeHeaderChanged Code = "header-changed"
	CodeNotEntity     Code = "not-an-entity" // what is signed is no MIME entity, but a file
	// CodePartial: covers only a part of the message, or leaves out a text that readers may show
	CodePartial Code = "partial"

	// Freshness and quality. Verdict policy.

	CodeWeak           Code = "weak"             // an algorithm or key size that does not count
	CodeSignedInFuture Code = "signed-in-future" // the signing time is more than five minutes ahead
	// CodeKeyUsage: the certificate is for something else than signing mail
	CodeKeyUsage Code = "key-usage"

	// Verdict pass.

	// CodeHeaderRestored: the header was changed, and is put back as it was signed
	// (Options.RestoreHeader)
	CodeHeaderRestored Code = "header-restored"

	// Unsigned mail, verdict none: what it is instead.

	CodeEncrypted  Code = "encrypted"
	CodeCompressed Code = "compressed"
	CodeCertsOnly  Code = "certs-only"
	CodePGP        Code = "pgp"
)

// maxIdentities is how many signers of one message are looked up at most; package smime has the
// limit on signatures.
const maxIdentities = 4

const (
	codeLimitIdentities Code = "limit:identities"
	codeLimitPaths      Code = "limit:paths"
)
