CREATE TABLE "public_uploads" (
	"hash" text PRIMARY KEY NOT NULL,
	"attachment" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"report" text
);
