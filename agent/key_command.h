/* agent/key_command.h: `komodo-agent key …`: makes and converts keys without loading any configuration (spec agent.md 2). */
#ifndef AGENT_KEY_COMMAND_H
#define AGENT_KEY_COMMAND_H

/* argv[0] is "key" or "k". Prints to stdout; wrong use: words on stderr and 2. Returns the exit code. */
int key_command(int argc, char **argv);

#endif
