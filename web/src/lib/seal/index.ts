/** What makes it private: keys, invitations, the handshake, the channel. The mirror of `crates/seal`. */
export { backend, type Backend, type DeviceKey } from "./backend";
export { Channel, LIFETIME, MAX_PLAINTEXT, REKEY_AFTER, REKEY_RECORDS, RENEW_AFTER } from "./channel";
export { ChannelError, HandshakeError, type ChannelReason, type HandshakeReason } from "./errors";
export { Initiator, type Start } from "./handshake";
export { MAX_LABEL, isLabel, type ClientHello, type HostHello } from "./hello";
export { Invitation, InvitationError, originOf, tokenId, tokenPsk, type InvitationReason } from "./invitation";
export { wordsOf } from "./words";
