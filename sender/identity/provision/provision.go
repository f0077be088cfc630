// Package provision carries the life cycle of identities on: it reads their folders and the name
// servers, lets package lifecycle decide, and does what that says.
//
// [Runner] (runner.go) takes many identities one step further at once: their changes go out
// together. [Folder] (folder.go) is the folder of one identity, locked:
//
//	key.pem cert.pem       the active key
//	next/                  the key that is to sign next
//	next-object            the URI of a next key that is being made on a PKCS #11 token
//	old/DATE-ID/           an earlier key; "settled" in it: its private part is gone, or is on the
//	                       token still, where the URI in "object" names it
//	revoked                the keys that were revoked
//	state.json             what neither keys nor DNS tell; see lifecycle.Memory
//	lock                   locked while a command changes the folder
//	pq/ encrypt/           other keys of the name (Generations), each with files as above but the
//	                       last three; a private key in encrypt/ is never removed
//
// A command holds the lock from its first step to its last; a run that only carries on what was
// begun asks the name servers before, and reads the folder again when it is locked.
//
// Every file appears whole or not at all, and every change has one moment at which it counts: what
// was begun before a crash is finished by the next run (switch.go).
//
// # Limitations
//
// Locks are those of [identity.Lock]. The private part of a key on a PKCS #11 token stays there
// when the folder forgets it: deleting it is for an administrator, and [Keys.Object] names it. Of a
// key of the TPM nothing is left without key.pem.
package provision
