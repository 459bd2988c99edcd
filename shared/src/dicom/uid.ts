// What may stand where a UID belongs (PS3.5 section 9.1). Leading zeros of components are met in practice and taken.

export const UID = /^[0-9.]{1,64}$/;

export const isUid = (text: string): boolean => UID.test(text);
