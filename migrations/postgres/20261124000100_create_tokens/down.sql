DROP TABLE token_uses;
DROP TABLE tokens;
