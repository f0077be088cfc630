# Signs and verifies S/MIME messages with Ruby's openssl; encrypts and decrypts CMS.
# sign ENTITY OUT attached|detached KEY CERTIFICATE
# verify MESSAGE ANCHOR
# encrypt|decrypt IN OUT KEY CERTIFICATE [CIPHER]
require 'openssl'

job, input, *rest = ARGV
text = File.binread(input)
case job
when 'encrypt'
  out, _, cert, cipher = rest
  cert = OpenSSL::X509::Certificate.new(File.read(cert))
  cipher = OpenSSL::Cipher.new(cipher.sub('3des', 'des-ede3'))
  File.binwrite(out, OpenSSL::PKCS7.encrypt([cert], text, cipher, OpenSSL::PKCS7::BINARY).to_der)
when 'decrypt'
  out, key, cert = rest
  key = OpenSSL::PKey.read(File.read(key))
  cert = OpenSSL::X509::Certificate.new(File.read(cert))
  File.binwrite(out, OpenSSL::PKCS7.new(text).decrypt(key, cert, OpenSSL::PKCS7::BINARY))
when 'sign'
  out, form, key, cert = rest
  flags = OpenSSL::PKCS7::BINARY
  flags |= OpenSSL::PKCS7::DETACHED if form == 'detached'
  key = OpenSSL::PKey.read(File.read(key))
  cert = OpenSSL::X509::Certificate.new(File.read(cert))
  signed = OpenSSL::PKCS7.sign(cert, key, text, [], flags)
  File.binwrite(out, OpenSSL::PKCS7.write_smime(signed, text, flags))
else
  store = OpenSSL::X509::Store.new
  store.add_file(rest[0])
  signed = OpenSSL::PKCS7.read_smime(text)
  abort "refused: #{signed.error_string}" unless signed.verify([], store)
end
