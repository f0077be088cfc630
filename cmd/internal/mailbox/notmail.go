package mailbox

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// KindError says that a file is not a mail message but of another kind.
type KindError struct{ Name, Kind, Advice string }

func (e *KindError) Error() string {
	return fmt.Sprintf("%s is not a mail message but %s", e.Name, e.Kind)
}

// Hint says what to do.
func (e *KindError) Hint() string { return e.Advice }

// format is a kind of file that is mistaken for a message, by its first octets.
type format struct {
	magic        string // hexadecimal
	name, advice string
}

const (
	asItCame   = "save the message byte for byte as it came, without converting it"
	nameItself = "name the message itself"
	fromServer = "fetch the whole message from the server by IMAP"
	// RFC 5322, Section 2.1.
	lineEnds = asItCame + "; each line of mail ends in CR LF (RFC 5322, Section 2.1)"
	partOf   = "name the message that it is a part of"
)

var formats = []format{
	// RFC 1952, Section 2.3.1.
	{"1f8b", "a gzip file", "unpack it first: gunzip"},
	{"425a68", "a bzip2 file", "unpack it first: bunzip2"},
	{"fd377a585a00", "an xz file", "unpack it first: unxz"},
	{"5d0000", "an lzma file", "unpack it first: unlzma"},
	// RFC 8878, Section 3.1.1.
	{"28b52ffd", "a zstd file", "unpack it first: unzstd"},
	{"04224d18", "an lz4 file", "unpack it first: unlz4"},
	{"446f7665636f742d4c5a34", "a message that Dovecot compressed by LZ4", "let Dovecot write it out: doveadm fetch text"},
	{"504b0304", "a zip archive", "unpack it first, and name the messages in it"},
	{"377abcaf271c", "a 7z archive", "unpack it first, and name the messages in it"},
	{"526172211a07", "a rar archive", "unpack it first, and name the messages in it"},
	{"d0cf11e0a1b11ae1", "an Outlook .msg file, which does not keep the message as it was sent", "save the message as .eml, or fetch it from the server by IMAP"},
	{"2142444e", "an Outlook data file (.pst, .ost)", "fetch the messages from the server by IMAP: what Outlook stores is not the message as it was sent"},
	{"cfad12fe", "an Outlook Express folder (.dbx)", "export it as .eml files, or let another mail program import it"},
	{"789f3e22", "a TNEF file (winmail.dat)", fromServer + "; what is in this file was never signed by S/MIME"},
	{"fffe0000", "text in UTF-32", asItCame},
	{"0000feff", "text in UTF-32", asItCame},
	{"fffe", "text in UTF-16", asItCame},
	{"feff", "text in UTF-16", asItCame},
	{"25504446", "a PDF file", nameItself},
	{"7b5c727466", "an RTF file", nameItself},
	{"89504e47", "a PNG image", nameItself},
	{"ffd8ff", "a JPEG image", nameItself},
	{"7f454c46", "a program", nameItself},
	{"4d5a90", "a program", nameItself},
	{"53514c69746520666f726d61742033", "an SQLite database", "name the messages themselves, not the index of a mail program"},
	{"62706c697374", "a property list of Apple", "name the messages themselves, not the index of a mail program"},
	{"3082", "a DER object, such as a CMS signature by itself", partOf},
	{"3080", "a BER object, such as a CMS signature by itself", partOf},
	{"2a6d62782a0d0a", "a mailbox in the mbx form of UW IMAP", "convert it: mailutil copy"},
	{"2a6d69782a", "a mailbox in the mix form of Panda IMAP", "convert it: mailutil copy"},
}

// texts are the same for files of text: by the first characters after white space, in lower case.
var texts = []format{
	{"<!doctype html", "an HTML page", "save the message itself (\"Show original\", \"View source\"), not the page that shows it"},
	{"<html", "an HTML page", "save the message itself (\"Show original\", \"View source\"), not the page that shows it"},
	{"<?xml", "an XML file", nameItself},
	{"{\"", "a JSON file", nameItself},
	{"{\n", "a JSON file", nameItself},
	{"{\r", "a JSON file", nameItself},
	{"{ ", "a JSON file", nameItself},
	{"[{", "a JSON file", nameItself},
	{"-----begin pgp", "a PGP object by itself", partOf},
	{"-----begin ", "a PEM object, such as a certificate or a CMS signature by itself", partOf},
	{"begin:vcard", "an address card", nameItself},
	{"begin:vcalendar", "a calendar entry", nameItself},
	{"babyl options:", "a mailbox in the Babyl form of Emacs", "convert it to mbox"},
}

// NotMail names the kind of a file that is not a mail message, by its first octets (some KiB), with
// advice. name is empty when the file may be a message.
func NotMail(start []byte) (name, advice string) {
	for _, f := range formats {
		if magic, err := hex.DecodeString(f.magic); err == nil && bytes.HasPrefix(start, magic) {
			return f.name, f.advice
		}
	}
	switch {
	case bytes.HasPrefix(start, []byte("2 M")) && bytes.Contains(start, []byte("\n\x01\x02N")):
		return "a file in Dovecot's dbox form", "let Dovecot write the messages out: doveadm fetch text"
	case len(start) > 262 && string(start[257:262]) == "ustar":
		return "a tar archive", "unpack it first, and name the messages in it"
	case inUTF16(start):
		return "text in UTF-16", asItCame
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(start[:min(len(start), 512)]), byteOrderMark), " \t\r\n")
	for _, f := range texts {
		if len(text) >= len(f.magic) && strings.EqualFold(text[:len(f.magic)], f.magic) {
			return f.name, f.advice
		}
	}
	switch {
	case isBinary(start):
		return "binary data", nameItself
	case bytes.HasSuffix(firstLine(start), []byte("\r")):
		return "text whose lines end in CR CR LF", lineEnds
	case bytes.IndexByte(start, '\n') < 0 && bytes.IndexByte(start, '\r') >= 0:
		return "text whose lines end in CR alone", lineEnds
	}
	return "", ""
}

// isBinary reports whether control octets stand where the name of the first field would.
func isBinary(start []byte) bool {
	line := firstLine(start)
	if i := bytes.IndexByte(line, ':'); i >= 0 {
		line = line[:i]
	}
	return bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\v\f\r\x1b", r) })
}

// inUTF16 reports whether text begins with ASCII letters in UTF-16 without a byte order mark.
func inUTF16(start []byte) bool {
	const units = 4
	if len(start) < 2*units {
		return false
	}
	for _, high := range []int{0, 1} {
		n := 0
		for i := 0; i < 2*units; i += 2 {
			if start[i+high] == 0 && start[i+1-high] >= ' ' && start[i+1-high] < 0x7f {
				n++
			}
		}
		if n == units {
			return true
		}
	}
	return false
}
