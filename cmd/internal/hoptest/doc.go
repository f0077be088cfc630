// Package hoptest has tests alone: six messages, each signed by dnseal and by plain OpenSSL, pass
// through real store-and-forward programs, mail filters, delivery agents and mailboxes. Nothing
// that dnseal signs comes out worse than the same text that OpenSSL signed.
//
// programs_test.go has the table and what it asserts, messages_test.go the messages. A program that
// make peers did not bring is skipped. None of them leaves the machine, or a folder of the test.
package hoptest
