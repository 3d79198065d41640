CREATE TABLE "changes" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"body" jsonb NOT NULL,
	"who" text NOT NULL,
	"why" text,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"idempotency_key" text,
	"applied_before_seq" bigint,
	"applied_no" bigint,
	"applied_at" timestamp (3) with time zone,
	"refused" text
);
--> statement-breakpoint
CREATE TABLE "checkpoints" (
	"seq" bigint PRIMARY KEY NOT NULL,
	"applied_no" bigint NOT NULL,
	"version" integer NOT NULL,
	"blob" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_secrets" (
	"device" text PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "episodes" (
	"id" text PRIMARY KEY NOT NULL,
	"rule" text NOT NULL,
	"rule_version" integer NOT NULL,
	"subject" text NOT NULL,
	"facility" text,
	"severity" text NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"fired_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"ticket" text NOT NULL,
	"shard" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "offsets" (
	"consumer" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"applied_no" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "people" (
	"username" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"password_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "quarantine" (
	"seq" bigint NOT NULL,
	"no" integer NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"device" text NOT NULL,
	"reason" text NOT NULL,
	"path" text NOT NULL,
	"detail" text NOT NULL,
	"payload" "bytea" NOT NULL,
	CONSTRAINT "quarantine_seq_no_pk" PRIMARY KEY("seq","no")
);
--> statement-breakpoint
CREATE TABLE "registry" (
	"type" text NOT NULL,
	"id" text NOT NULL,
	"body" jsonb NOT NULL,
	"change_id" bigint NOT NULL,
	"shard" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "registry_type_id_pk" PRIMARY KEY("type","id")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"username" text NOT NULL,
	"kind" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "ticket_events" (
	"ticket" text NOT NULL,
	"no" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"who" text NOT NULL,
	"action" text NOT NULL,
	"from_state" text,
	"to_state" text,
	"note" text,
	CONSTRAINT "ticket_events_ticket_no_pk" PRIMARY KEY("ticket","no")
);
--> statement-breakpoint
CREATE TABLE "tickets" (
	"id" text PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"rule" text,
	"rule_version" integer,
	"parameters" jsonb NOT NULL,
	"subject" text NOT NULL,
	"facility" text,
	"facility_kind" text,
	"area" text,
	"crew" text,
	"state" text NOT NULL,
	"severity" text NOT NULL,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"cleared_at" timestamp (3) with time zone,
	"closed_at" timestamp (3) with time zone,
	"close_reason" text,
	"born_cleared" boolean DEFAULT false NOT NULL,
	"evidence" jsonb NOT NULL,
	"shard" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_username_people_username_fk" FOREIGN KEY ("username") REFERENCES "public"."people"("username") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "changes_pending" ON "changes" USING btree ("id") WHERE "changes"."applied_no" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "changes_applied_no" ON "changes" USING btree ("applied_no");--> statement-breakpoint
CREATE INDEX "changes_subject" ON "changes" USING btree ("subject","id");--> statement-breakpoint
CREATE UNIQUE INDEX "changes_idempotency" ON "changes" USING btree ("who","idempotency_key");--> statement-breakpoint
CREATE UNIQUE INDEX "one_episode" ON "episodes" USING btree ("rule","subject","started_at");--> statement-breakpoint
CREATE INDEX "episodes_facility" ON "episodes" USING btree ("facility","started_at");--> statement-breakpoint
CREATE INDEX "episodes_ticket" ON "episodes" USING btree ("ticket");--> statement-breakpoint
CREATE INDEX "quarantine_device" ON "quarantine" USING btree ("device","seq");--> statement-breakpoint
CREATE INDEX "sessions_username" ON "sessions" USING btree ("username");--> statement-breakpoint
CREATE UNIQUE INDEX "one_open_ticket" ON "tickets" USING btree ("rule","subject") WHERE "tickets"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "tickets_opened" ON "tickets" USING btree ("opened_at");--> statement-breakpoint
CREATE INDEX "tickets_facility" ON "tickets" USING btree ("facility","opened_at");--> statement-breakpoint
CREATE INDEX "tickets_closed" ON "tickets" USING btree ("closed_at");