package mailbox

import (
	"bytes"
	"encoding/hex"
)

// format is a kind of file that is mistaken for a message, by its first octets.
type format struct {
	magic        string // hexadecimal
	name, advice string
}

var formats = []format{
	// RFC 1952, Section 2.3.1.
	{"1f8b", "a gzip file", "unpack it first: gunzip"},
	{"425a68", "a bzip2 file", "unpack it first: bunzip2"},
	{"fd377a585a00", "an xz file", "unpack it first: unxz"},
	// RFC 8878, Section 3.1.1.
	{"28b52ffd", "a zstd file", "unpack it first: unzstd"},
	{"504b0304", "a zip archive", "unpack it first, and name the messages in it"},
	{"d0cf11e0a1b11ae1", "an Outlook .msg file, which does not keep the message as it was sent", "save the message as .eml, or fetch it from the server by IMAP"},
	{"789f3e22", "a TNEF file (winmail.dat)", "fetch the whole message from the server by IMAP; what is in this file was never signed by S/MIME"},
	{"fffe", "text in UTF-16", "save the message in the octets it came in"},
	{"feff", "text in UTF-16", "save the message in the octets it came in"},
	{"25504446", "a PDF file", "name the message itself"},
	{"7f454c46", "a program", "name the message itself"},
	{"3082", "a DER object, such as a CMS signature by itself", "name the message that it is a part of"},
	{"3080", "a BER object, such as a CMS signature by itself", "name the message that it is a part of"},
}

// NotMail names the kind of a file that is no mail message, by its first octets (some KiB), with
// advice. name is empty when the file may be a message.
func NotMail(start []byte) (name, advice string) {
	for _, f := range formats {
		if magic, err := hex.DecodeString(f.magic); err == nil && bytes.HasPrefix(start, magic) {
			return f.name, f.advice
		}
	}
	// RFC 5322, Section 2.1.
	if bytes.IndexByte(start, '\n') < 0 && bytes.IndexByte(start, '\r') >= 0 {
		return "text whose lines end in CR alone", "save the message in the octets it came in; each line of mail ends in CR LF (RFC 5322, Section 2.1)"
	}
	return "", ""
}
