package identity

import "testing"

// FuzzKeyFile: no contents of key.pem or cert.pem make the readers panic, and a key that is read
// can sign.
func FuzzKeyFile(f *testing.F) {
	for _, seed := range []string{
		"", "\xef\xbb\xbf-----BEGIN PRIVATE KEY-----\n", "0\x80\x02\x01\x030\x80\x06\x09",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIEITolGt3rYTWSuPZNXM9xJqk6AY3AWvLRGNEVBkATpxoAoGCCqGSM49\nAwEHoUQDQgAE7EhthXWslTkSqNL27VK6Ce6jjdw9d1giv8MHA6hPTS8O/vM+TPcV\n4UE+2Ze1IaippR12KTxTjntODwqyliHL4w==\n-----END EC PRIVATE KEY-----\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := readKeyFile(data, new(secrets))
		if (err == nil) != (found.key != nil || found.public != nil) {
			t.Errorf("readKeyFile = %+v, %v", found, err)
		}
		if file, err := readCertificateFile(data); err == nil && len(file.certificates) == 0 {
			t.Error("no error and no certificate")
		}
	})
}

// FuzzGather: no file makes the reader of imports panic, and what it finds can be written and read
// again.
func FuzzGather(f *testing.F) {
	for _, seed := range []string{
		"", "pkcs11:x\n", "credential:x\n", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nMIHK\n-----END CERTIFICATE REQUEST-----\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := gather([]File{{Name: "x", Data: data}}, nil)
		if err != nil {
			return
		}
		for _, k := range g.keys {
			if found, err := readKeyFile(k.text, new(secrets)); err != nil || !equalKeys(publicOf(found.key), publicOf(k.key)) {
				t.Errorf("the text of a key is read as %+v, %v", found, err)
			}
		}
	})
}
