package enveloped

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// opener is a RecipientInfo, as far as it is for one key.
type opener interface {
	// open decrypts the content-encryption key of size octets with key, and says how. Errors: an
	// *UnsupportedError, or any other, which must not be told.
	open(key *Key, size int) (contentKey []byte, method string, err error)
	// checked says that a key which open returns is the right one. The padding of PKCS #1 v1.5
	// cannot say that without helping an attacker.
	checked() bool
}

// candidate is what may open a message.
type candidate struct {
	opener
	key int // index in DecryptOptions.Keys
}

// recipients are the RecipientInfos of a message: how many there are, and those for keys at hand.
type recipients struct {
	index keyIndex
	// strict: versions must be what they should. Of EnvelopedData they are not looked at, because
	// nothing depends on them; but in AuthEnvelopedData no octet may be changed.
	strict     bool
	most       int // of candidates
	count      int
	candidates []candidate
	passedOver []string // kinds that are not opened with keys
}

// read reads RFC 5652, Section 6.1:
//
//	RecipientInfos ::= SET SIZE (1..MAX) OF RecipientInfo
func (r *recipients) read(b *ber.Reader) error {
	return b.Inside(ber.TagSet, "recipientInfos", func() error {
		start := b.Offset()
		return b.Each(limitRecipients, func() error {
			at := b.Offset()
			der, err := b.Element(limitRecipientSize)
			switch {
			case err != nil:
				return err
			case b.Offset()-start > int64(limitRecipientsSize.Max):
				return limitRecipientsSize.Exceeded()
			}
			if field := r.readInfo(der); field != "" {
				return &ber.SyntaxError{Offset: at, Reason: "RecipientInfo: " + field}
			}
			if r.count > MaxRecipients {
				return limitRecipients.Exceeded()
			}
			return nil
		})
	})
}

// Tags of RecipientInfo.
const (
	tagKeyAgree = cbasn1.Tag(ber.TagContext1)
	tagKEK      = cbasn1.Tag(ber.TagContext2)
	tagPassword = cbasn1.Tag(ber.TagContext3)
	tagOther    = cbasn1.Tag(ber.TagContext3 + 1)
)

// readInfo reads RFC 5652, Section 6.2:
//
//	RecipientInfo ::= CHOICE {
//	  ktri   KeyTransRecipientInfo,
//	  kari   [1] KeyAgreeRecipientInfo,
//	  kekri  [2] KEKRecipientInfo,
//	  pwri   [3] PasswordRecipientInfo,
//	  ori    [4] OtherRecipientInfo }
//
// It returns the name of the field that is malformed, "" where none is.
func (r *recipients) readInfo(der cryptobyte.String) (malformed string) {
	var s cryptobyte.String
	var tag cbasn1.Tag
	if !der.ReadAnyASN1(&s, &tag) || !der.Empty() {
		return "not one element"
	}
	switch tag {
	case cbasn1.SEQUENCE:
		return r.readKeyTrans(s)
	case tagKeyAgree:
		return r.readKeyAgree(s)
	case tagKEK:
		r.passOver("a key-encryption key")
		return ""
	case tagPassword:
		r.passOver("a password")
		return ""
	case tagOther:
		return r.readOther(s)
	default:
		return fmt.Sprintf("unexpected tag 0x%02x", byte(tag))
	}
}

// readOther reads RFC 5652, Section 6.2.5:
//
//	OtherRecipientInfo ::= SEQUENCE {
//	  oriType   OBJECT IDENTIFIER,
//	  oriValue  ANY DEFINED BY oriType }
func (r *recipients) readOther(s cryptobyte.String) (malformed string) {
	var kind, value cryptobyte.String
	if !s.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) {
		return "oriType"
	}
	if string(kind) != oidKEMRecipientInfo {
		r.passOver(algorithm.NameOf(string(kind)))
		return ""
	}
	if !s.ReadASN1(&value, cbasn1.SEQUENCE) || !s.Empty() {
		return "oriValue"
	}
	return r.readKEM(value)
}

// versionFits says whether the version of a RecipientInfo, the contents of an INTEGER, is the one
// that goes with its kind.
func (r *recipients) versionFits(version []byte, want byte) bool {
	return !r.strict || len(version) == 1 && version[0] == want
}

// passOver counts a recipient of a kind that is not opened with keys.
func (r *recipients) passOver(kind string) {
	r.count++
	if len(r.passedOver) < maxTried && !slices.Contains(r.passedOver, kind) {
		r.passedOver = append(r.passedOver, kind)
	}
}

// add counts a recipient, and keeps it if it is for keys at hand.
func (r *recipients) add(id recipientIdentifier, o opener) {
	r.count++
	for _, key := range r.index.find(id) {
		if len(r.candidates) < r.most {
			r.candidates = append(r.candidates, candidate{o, key})
		}
	}
}

// open returns the content-encryption key of size octets. Errors: ErrNoKey, with the kinds of
// recipients where there are no others; an *UnsupportedError where nothing else can be tried; else
// ErrDecrypt.
func (r *recipients) open(opts *DecryptOptions, size int, c *Content) (contentKey []byte, failed error) {
	if len(r.candidates) == 0 {
		return nil, r.noKey()
	}
	// What is not checked goes last: it always opens, with whatever key.
	slices.SortStableFunc(r.candidates, func(a, b candidate) int { return unchecked(a) - unchecked(b) })
	for _, try := range r.candidates {
		found, method, err := try.open(&opts.Keys[try.key], size)
		_, unsupported := errors.AsType[*UnsupportedError](err)
		switch {
		case err == nil && contentKey == nil:
			contentKey, c.KeyEncryption, c.Key, c.Keys = found, method, try.key, []int{try.key}
		case err == nil && subtle.ConstantTimeCompare(found, contentKey) == 1:
			c.Keys = append(c.Keys, try.key)
		case err == nil: // a key to something else
		case !unsupported:
			failed = ErrDecrypt
		case failed == nil:
			failed = err
		}
		if contentKey != nil && !opts.EveryKey {
			break
		}
	}
	if contentKey != nil {
		return contentKey, nil
	}
	return nil, failed
}

func unchecked(c candidate) int {
	if c.checked() {
		return 0
	}
	return 1
}

func (r *recipients) noKey() error {
	if len(r.passedOver) == 0 {
		return ErrNoKey
	}
	return fmt.Errorf("%w (some of its recipients are named by %s, which is not supported)", ErrNoKey, strings.Join(r.passedOver, ", "))
}
