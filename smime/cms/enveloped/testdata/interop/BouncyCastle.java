import java.io.*;
import java.nio.file.*;
import java.security.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.pkcs.*;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;

/**
 * Encrypts and decrypts CMS, one job a line of standard input, fields separated by tabs; one line
 * answers it.
 * encrypt CONTENT OUT CIPHER rsa|oaep|ecdh|skid|ecdh-skid|kem|kem-hkdf CERTIFICATE|PUBLICKEY
 * decrypt IN OUT KEY
 * Classes that Bouncy Castle 1.72 does not have are found by name.
 */
public class BouncyCastle {
    public static void main(String[] args) throws IOException {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String answer = "ok";
            try {
                String[] job = line.split("\t");
                if (job[0].equals("encrypt")) encrypt(job); else decrypt(job);
            } catch (Throwable e) {
                answer = "error: " + e.toString().replace('\n', ' ');
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    static Object pem(String file) throws IOException {
        try (PEMParser parser = new PEMParser(new FileReader(file))) {
            return parser.readObject();
        }
    }

    static PrivateKey key(String file) throws Exception {
        return new JcaPEMKeyConverter().setProvider("BC").getPrivateKey((PrivateKeyInfo) pem(file));
    }

    static ASN1ObjectIdentifier cipher(String name) {
        switch (name) {
            case "aes-128-cbc": return NISTObjectIdentifiers.id_aes128_CBC;
            case "aes-256-cbc": return NISTObjectIdentifiers.id_aes256_CBC;
            case "aes-128-gcm": return NISTObjectIdentifiers.id_aes128_GCM;
            case "aes-256-gcm": return NISTObjectIdentifiers.id_aes256_GCM;
            case "3des-cbc": return PKCSObjectIdentifiers.des_EDE3_CBC;
            case "chacha20-poly1305": return PKCSObjectIdentifiers.id_alg_AEADChaCha20Poly1305;
            default: throw new IllegalArgumentException(name);
        }
    }

    static PublicKey publicKey(Object pem) throws Exception {
        return new JcaPEMKeyConverter().setProvider("BC").getPublicKey(
            pem instanceof X509CertificateHolder cert ? cert.getSubjectPublicKeyInfo() : (SubjectPublicKeyInfo) pem);
    }

    static RecipientInfoGenerator recipient(String[] job) throws Exception {
        Object pem = pem(job[5]);
        PublicKey key = publicKey(pem);
        byte[] skid = new JcaX509ExtensionUtils().createSubjectKeyIdentifier(key).getKeyIdentifier();
        if (job[4].equals("skid")) return new JceKeyTransRecipientInfoGenerator(skid, key).setProvider("BC");
        if (job[4].startsWith("kem")) return kem(skid, key, job[4].equals("kem-hkdf"));
        var cert = new JcaX509CertificateConverter().setProvider("BC").getCertificate((X509CertificateHolder) pem);
        switch (job[4]) {
            case "rsa": return new JceKeyTransRecipientInfoGenerator(cert).setProvider("BC");
            case "oaep":
                var hash = new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
                var params = new RSAESOAEPparams(hash, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, hash), RSAESOAEPparams.DEFAULT_P_SOURCE_ALGORITHM);
                return new JceKeyTransRecipientInfoGenerator(cert, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, params)).setProvider("BC");
        }
        KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", "BC");
        pairs.initialize(((java.security.interfaces.ECPublicKey) key).getParams());
        KeyPair own = pairs.generateKeyPair();
        var generator = new JceKeyAgreeRecipientInfoGenerator(CMSAlgorithm.ECDH_SHA256KDF, own.getPrivate(), own.getPublic(), CMSAlgorithm.AES128_WRAP).setProvider("BC");
        return job[4].equals("ecdh") ? generator.addRecipient(cert) : generator.addRecipient(skid, key);
    }

    /** Its key derivation function is KDF3, where no other is set. */
    static RecipientInfoGenerator kem(byte[] skid, PublicKey key, boolean hkdf) throws Exception {
        var type = Class.forName("org.bouncycastle.cms.jcajce.JceKEMRecipientInfoGenerator");
        var generator = type.getConstructor(byte[].class, PublicKey.class, ASN1ObjectIdentifier.class).newInstance(skid, key, CMSAlgorithm.AES256_WRAP);
        type.getMethod("setProvider", String.class).invoke(generator, "BC");
        if (hkdf) {
            type.getMethod("setKDF", AlgorithmIdentifier.class).invoke(generator, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_alg_hkdf_with_sha256));
        }
        return (RecipientInfoGenerator) generator;
    }

    static void encrypt(String[] job) throws Exception {
        var content = new CMSProcessableByteArray(Files.readAllBytes(Path.of(job[1])));
        var encryptor = new JceCMSContentEncryptorBuilder(cipher(job[3])).setProvider("BC").build();
        byte[] out;
        if (job[3].endsWith("gcm") || job[3].endsWith("poly1305")) {
            var generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(job));
            out = generator.generate(content, (OutputAEADEncryptor) encryptor).getEncoded();
        } else {
            var generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(job));
            out = generator.generate(content, encryptor).getEncoded();
        }
        Files.write(Path.of(job[2]), out);
    }

    static void decrypt(String[] job) throws Exception {
        byte[] in = Files.readAllBytes(Path.of(job[1]));
        boolean authenticated = org.bouncycastle.asn1.cms.ContentInfo.getInstance(in).getContentType().equals(org.bouncycastle.asn1.cms.CMSObjectIdentifiers.authEnvelopedData);
        RecipientInformationStore store = authenticated ? new CMSAuthEnvelopedData(in).getRecipientInfos() : new CMSEnvelopedData(in).getRecipientInfos();
        RecipientInformation info = store.getRecipients().iterator().next();
        // One class of recipient is for content with and without a tag, but for RSA.
        String kind = info instanceof KeyTransRecipientInformation ? "KeyTrans" : info instanceof KeyAgreeRecipientInformation ? "KeyAgree" : "KEM";
        var type = Class.forName("org.bouncycastle.cms.jcajce.Jce" + kind + (authenticated && kind.equals("KeyTrans") ? "Auth" : "") + "EnvelopedRecipient");
        Object recipient = type.getConstructor(PrivateKey.class).newInstance(key(job[3]));
        type.getMethod("setProvider", String.class).invoke(recipient, "BC");
        Files.write(Path.of(job[2]), info.getContent((Recipient) recipient));
    }
}
