//! Messages that keys sign beside transactions: to prove to somebody, off the ledger, who one is.
//!
//! What is signed begins with a byte that no transaction's signed bytes begin with
//! ([`SIGNING_DOMAIN`](crate::transaction::SIGNING_DOMAIN)), so that no message can be one, and names the chain.

use crate::crypto::{Hash, KeyPair, PublicKey, Signature};

/// First bytes of what a message's signature covers.
pub const MESSAGE_DOMAIN: &[u8] = b"\xffpollen message v1\n";

/// What is signed: the domain, the chain and the message itself.
pub fn signing_bytes(chain_id: &Hash, message: &[u8]) -> Vec<u8> {
    [MESSAGE_DOMAIN, &chain_id.0, message].concat()
}

/// Signs a message.
pub fn sign(chain_id: &Hash, key: &KeyPair, message: &[u8]) -> Signature {
    key.sign(&signing_bytes(chain_id, message))
}

/// Whether a key signed a message.
pub fn verify(chain_id: &Hash, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    key.verify(&signing_bytes(chain_id, message), signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::SIGNING_DOMAIN;

    /// Who has a message signed must not get a transaction, nor a message for another chain.
    #[test]
    fn a_message_is_no_transaction() {
        assert_eq!(MESSAGE_DOMAIN[0], 0xff);
        assert!(SIGNING_DOMAIN.is_ascii());
        let (key, chain, other) = (KeyPair::development("alice"), Hash([1; 32]), Hash([2; 32]));
        let disguised = [SIGNING_DOMAIN, &chain.0, b"transaction"].concat();
        let signature = sign(&chain, &key, &disguised);
        assert!(verify(&chain, &key.public_key(), &disguised, &signature));
        assert!(!key.public_key().verify(&disguised, &signature));
        assert!(!verify(&other, &key.public_key(), &disguised, &signature));
        assert!(!verify(&chain, &key.public_key(), b"another", &signature));
    }
}
