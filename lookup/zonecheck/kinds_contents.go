package zonecheck

// timeKinds are about how long an answer lives after it was withdrawn.
var timeKinds = []Kind{
	{
		CodeTimes, OK, groupTimes, "TTLs and signatures keep the wished time.", "", "",
	},
	{
		CodeReplay, Wrong, groupTimes, "signatures over identity records are valid for longer than the wished time; a note where none was wished.",
		"An attacker on the way to a verifier can show a withdrawn record until its signature expires. Caches forget it with its TTL.",
		"Shorten the lifetime of signatures (BIND: signatures-validity, Knot: rrsig-lifetime), or say what you accept: --revocation-time.",
	},
	{
		CodeReplayDenial, Note, groupTimes, "signatures over proofs of absence are valid for longer than the wished time.",
		"An attacker on the way to a verifier can show an old proof, so that a new record seems absent, until its signature expires.",
		"Publish a key well before it signs; or shorten the lifetime of signatures.",
	},
	{
		CodeExpired, Wrong, groupTimes, "a signature has expired.",
		"Verifiers find the answer bogus.",
		"Sign the zone again, and find out why that did not happen by itself.",
	},
	{
		CodeNearEnd, Wrong, groupTimes, "a signature is in the last tenth of its time.",
		"A working signer renews signatures earlier. When they expire the zone is bogus.",
		"See that the signer runs and that its new signatures reach all name servers.",
	},
	{
		CodeFuture, Wrong, groupTimes, "a signature begins in the future.",
		"Verifiers whose clocks are right find the answer bogus.",
		"Set the clock of the signer right, or that of this machine (NTP).",
	},
	{
		CodeTTL, Wrong, groupTimes, "the TTL of identity records is longer than the wished time.",
		"Caches may use a withdrawn record until its TTL is over.",
		"Publish with a shorter TTL (300 is usual).",
	},
	{
		CodeNegativeTTL, Note, groupTimes, "absence is remembered for longer than the wished time.",
		"A record that was asked for before it was published stays unseen for that time (RFC 2308).",
		"Lower the last number of the SOA record (MINIMUM).",
	},
	{
		CodeDNSKEYTTL, Note, groupTimes, "the TTL of the keys of the zone is longer than the wished time.",
		"A key of the zone that was stolen is believed until then at least.",
		"Lower the TTL of the DNSKEY records.",
	},
	{
		CodeDSTTL, Note, groupTimes, "the TTL of the DS in the parent is longer than the wished time.",
		"A stolen key-signing key is believed until then after its DS was removed.",
		"The parent zone sets it; know it when you plan for that case.",
	},
	{
		CodeClock, Undecided, groupTimes, "all signatures and the clock of this machine disagree.",
		"With a wrong clock nothing about time can be told.",
		"Set the clock of this machine right (NTP), and check again.",
	},
}

// recordKinds are about what is published.
var recordKinds = []Kind{
	{
		CodeRecords, OK, groupRecords, "the identity records are secure and can be used.", "", "",
	},
	{
		CodeNothingToCheck, Note, groupRecords, "no identity record of this zone is known, so none was checked.",
		"A zone that cannot be listed shows no names.",
		"Name your identities: --identities DIR, or --name NAME.",
	},
	{
		CodeSampled, Note, groupRecords, "not all identity records were read.",
		"What was found holds for those that were.", "",
	},
	{
		CodeForeignType, Note, groupRecords, "records of other types are among the identities.",
		"A zone of identities alone can be given to a server and to keys that may change nothing else; an address or MX there makes a host or a mailbox of a key's name.",
		"Keep only SMIMEA and TLSA records at and below _smimecert and _device.",
	},
	{
		CodeShared, Note, groupRecords, "one key is published under several names.",
		"Who holds it can sign as each of them, and its loss is the loss of all (RFC 7671 and the DANCE architecture advise against it).",
		"Make a key for each name: dnseal identity new.",
	},
	{
		CodeOversized, Note, groupRecords, "an answer does not fit into UDP (1232 octets).",
		"It is asked for again by TCP: slower, and in vain where TCP is blocked.",
		"Publish a digest (3 1 1), or an ECDSA certificate, which has some 430 octets; RSA of 4096 bits never fits.",
	},
	{
		CodeUnusable, Wrong, groupRecords, "a record cannot be used.",
		"Verifiers leave it out; when none is left, the name has no key.",
		"Publish what this prints: dnseal identity record NAME.",
	},
	{
		CodeWildcard, Note, groupRecords, "a wildcard answers for names that have no record of their own.",
		"A name whose own record is withdrawn falls to the wildcard: it is not revoked unless the wildcard's key or CA does not cover it.",
		"Use a wildcard only with the domain's own CA (usage 2).",
	},
	{
		CodeWildcardLabels, Note, groupRecords, "answers from a wildcard are signed as if the name were there.",
		"That is how servers that sign while answering do it; a verifier cannot tell such an answer from a record of the name's own.", "",
	},
}

// identityKinds compare with the identities that are held here.
var identityKinds = []Kind{
	{
		CodePublished, OK, groupIdentities, "the identity's record is published and matches its key.", "", "",
	},
	{
		CodeNotPublished, Wrong, groupIdentities, "an identity has no record in the zone.",
		"What it signs fails everywhere.",
		"Publish it: dnseal identity publish NAME.",
	},
	{
		CodeOtherKey, Wrong, groupIdentities, "an identity's record is for another key.",
		"What it signs fails everywhere.",
		"Publish its record: dnseal identity publish NAME.",
	},
	{
		CodeElsewhere, Note, groupIdentities, "identities in question are not names of this domain.",
		"They were not checked.", "Check their domains too.",
	},
	{
		CodeForeign, Note, groupIdentities, "names with SMIMEA or TLSA records belong to no identity here.",
		"Somebody else published them, or they were left behind: who holds their keys signs in your name.",
		"Find out whose they are; withdraw what nobody knows.",
	},
}
